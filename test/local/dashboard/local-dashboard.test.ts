import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Subscriber } from '../../../lab/support/subscriber.ts';
import { createMetricStore } from '../../../local/aws/metrics/metric-store.ts';
import { readSeries } from '../../../local/aws/metrics/time-series.ts';
import { type LocalStack, startLocalStack } from '../../../local/local-stack.ts';

const driftToken = 'dashboard-test-token';

describe('the dashboard of the template, drawn from a local run', () => {
  const metrics = createMetricStore();
  let stack: LocalStack;
  let well: Subscriber;
  let failing: Subscriber;
  let emptyPage: Response;

  beforeAll(async () => {
    stack = await startLocalStack({ driftToken, quietPeriodSeconds: 1, metrics, onNotice: () => {} });
    emptyPage = await fetch(`${stack.api}/dashboard`);
    [well, failing] = await Promise.all([Subscriber.start(), Subscriber.start()]);
    // Its first event only arrives; the others are not tried again while the test runs.
    failing.answer = (_, response) =>
      response.writeHead(failing.deliveries.length === 1 ? 200 : 500, { 'retry-after': '600' }).end();
    const dynamo = new DynamoDBClient({
      endpoint: stack.aws,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    const subscribe = (subscriptionId: string, url: string): Promise<unknown> =>
      dynamo.send(
        new PutItemCommand({
          TableName: stack.tables.subscriptions,
          Item: {
            subscriptionId: { S: subscriptionId },
            record: { S: 'config' },
            url: { S: url },
            eventTypes: { L: [{ S: 'new_message' }, { S: 'conversation_inactive' }] },
          },
        }),
      );
    await subscribe('crm', well.url);
    await subscribe('<b>&"mail', failing.url);
    await subscribe('mail-tool', failing.url);
    for (const id of ['crm', 'mail-tool']) {
      let seen: { provisioning?: string; reason?: string } = {};
      while (seen.provisioning !== 'ready') {
        await new Promise((resolve) => setTimeout(resolve, 50));
        seen = (await (await fetch(`${stack.api}/v1/subscriptions/${id}`)).json()) as typeof seen;
        if (seen.provisioning === 'rejected') throw new Error(`${id} was rejected: ${seen.reason}`);
      }
    }
    await Promise.all(
      [driftToken, driftToken, driftToken, 'guess'].map((token, id) =>
        fetch(`${stack.api}/drift/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            orgId: 1,
            type: 'new_message',
            token,
            data: { id, conversationId: 7, createdAt: Date.now() },
          }),
        }),
      ),
    );
    await well.until((deliveries) => deliveries.length >= 4, 'three messages and the inactivity');
    await failing.until((deliveries) => deliveries.length >= 4, 'them elsewhere');
    // The functions' last lines, and the next look at the queues.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  });
  afterAll(async () => {
    await Promise.all([well?.stop(), failing?.stop()]);
    await stack?.stop();
  });

  it('is there before anything has happened', async () => {
    expect(emptyPage.status).toBe(200);
    expect(await emptyPage.text()).toContain('none in this time');
  });

  it('has a panel for each widget, in its order', async () => {
    const page = await (await fetch(`${stack.api}/dashboard`)).text();
    const { widgets } = JSON.parse(stack.monitoring.dashboards[0]?.body ?? '') as {
      widgets: { properties: { title?: string } }[];
    };
    const titles = widgets.flatMap(({ properties }) => properties.title ?? []);
    const drawn = [...page.matchAll(/<h3>([^<·]*?)(?: ·[^<]*)?<\/h3>/g)].map(([, title]) => title);
    expect(drawn.filter((title, index) => drawn.indexOf(title) === index)).toEqual(titles);
  });

  test.each<[string, string, Record<string, string>, string, number]>([
    ['what the functions say', 'WebhookFanout EventsReceived', {}, 'Sum', 3],
    ['what they say by dimension', 'WebhookFanout EventsRefused', { reason: 'bad-token' }, 'Sum', 1],
    ['deliveries', 'WebhookFanout EventToDelivered', { subscriptionId: 'crm' }, 'SampleCount', 4],
    ['failures', 'WebhookFanout AttemptsFailed', { subscriptionId: 'mail-tool', outcome: 'status' }, 'Sum', 3],
  ])('counts %s', (_, name, dimensions, statistic, expected) => {
    const [namespace = '', metric = ''] = name.split(' ');
    const range = { start: 0, end: Date.now() };
    const id = { namespace, metric, dimensions: { service: 'fanout-local', ...dimensions } };
    const [value] = readSeries(metrics, id, statistic, 1e15, range).points.values();
    expect(value).toBe(expected);
  });

  test.each([
    ['AWS/SQS', 'NumberOfMessagesSent', 'fanout-local-crm', 4],
    ['AWS/SQS', 'NumberOfMessagesDeleted', 'fanout-local-crm', 4],
  ])('counts what AWS counts: %s %s', (namespace, metric, QueueName, expected) => {
    const id = { namespace, metric, dimensions: { QueueName } };
    const [value] = readSeries(metrics, id, 'Sum', 1e15, { start: 0, end: Date.now() }).points.values();
    expect(value).toBe(expected);
  });

  it('says that a subscription that makes no sense was rejected, and shows its name as text', async () => {
    const page = await (await fetch(`${stack.api}/dashboard`)).text();
    expect(page).toMatch(/<td>rejected<\/td><td>1</);
    expect(page).not.toContain('<b>&"mail');
  });

  it('names who gets and who fails, with totals, and asks for nothing else', async () => {
    const page = await (await fetch(`${stack.api}/dashboard`)).text();
    const panel = (title: string): string | undefined =>
      page.split('<article>').find((part) => part.startsWith(`<h3>${title}</h3>`));
    const row = (label: string, figure: number): string => `<tr><td>${label}</td><td>${figure}</td></tr>`;
    expect(panel('Delivered')).toContain(`${row('crm', 4)}${row('mail-tool', 1)}`);
    expect(panel('Failed attempts')).toContain(row('mail-tool status', 3));
    expect(panel('Refused posts of Drift')).toContain(row('bad-token', 1));
    expect(panel('Attempts by outcome · mail-tool')).toContain(`${row('delivered', 1)}${row('status', 3)}`);
    expect(page).not.toMatch(/<script|(?:src|href)="(?!data:)/);
  });

  it('shows all alarms, none of them ringing', async () => {
    const page = await (await fetch(`${stack.api}/dashboard`)).text();
    const states = [...page.matchAll(/<tr class="(\w+)"/g)].map(([, state]) => state);
    expect(states).toHaveLength(stack.monitoring.alarms.length);
    expect(states).not.toContain('alarm');
  });
});
