import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Subscriber } from '../../../lab/support/subscriber.ts';
import { createMetricStore } from '../../../local/aws/metrics/metric-store.ts';
import { readSeries } from '../../../local/aws/metrics/time-series.ts';
import { type LocalStack, startLocalStack } from '../../../local/local-stack.ts';
import { Browser, browserPath } from './browser.ts';

const driftToken = 'dashboard-test-token';

describe('the dashboard of the template, drawn from a local run', () => {
  const metrics = createMetricStore();
  let stack: LocalStack;
  let well: Subscriber;
  let failing: Subscriber;
  let emptyPage: Response;
  let browser: Browser;

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
    if (browserPath === undefined) return;
    browser = await Browser.start(browserPath);
    await browser.resize(1600);
    await browser.open(`${stack.api}/dashboard`);
  });
  afterAll(async () => {
    await browser?.stop();
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
    const drawn = [...page.matchAll(/<h3>([^<]*)<\/h3>/g)].map(([, title]) => title);
    expect(drawn.filter((title, index) => drawn.indexOf(title) === index)).toEqual(titles);
  });

  test.each<[string, string, Record<string, string>, string, number]>([
    ['what the functions say', 'WebhookFanout EventsReceived', {}, 'Sum', 3],
    ['what they say by dimension', 'WebhookFanout EventsRefused', { reason: 'bad-token' }, 'Sum', 1],
    ['deliveries', 'WebhookFanout DeliveryAttempts', { subscriptionId: 'crm', outcome: 'delivered' }, 'Sum', 4],
    ['failures', 'WebhookFanout DeliveryAttempts', { subscriptionId: 'mail-tool', outcome: 'status' }, 'Sum', 3],
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
    expect(page).toMatch(/rejected <b[^>]*>1</);
    expect(page).not.toContain('<b>&"mail');
  });

  describe.skipIf(browserPath === undefined)(
    `in a real browser${browserPath === undefined ? ' (skipped: there is no Chromium; CHROMIUM names one)' : ''}`,
    () => {
      it('asks for nothing but itself and has no error', () => {
        expect(new Set(browser.requests.filter((url) => !url.startsWith('data:')))).toEqual(
          new Set([`${stack.api}/dashboard`]),
        );
        expect(browser.errors).toEqual([]);
      });

      it('draws every line within its chart, and every chart within its panel', async () => {
        const charts = await browser.evaluate<{ title: string; shapes: number; within: boolean }[]>(`
          [...document.querySelectorAll('article:not([hidden]) svg')].map((svg) => {
            const box = svg.getBoundingClientRect();
            const panel = svg.closest('article').getBoundingClientRect();
            const shapes = [...svg.querySelectorAll('.line, .dot, .bar')].map((shape) => shape.getBoundingClientRect());
            const inside = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1 &&
              inner.top >= outer.top - 3 && inner.bottom <= outer.bottom + 1;
            return {
              title: svg.getAttribute('aria-label'),
              shapes: shapes.length,
              within: box.width > 100 && box.height > 20 && inside(box, panel) && shapes.every((shape) => inside(shape, box)),
            };
          })`);
        expect(charts.length).toBeGreaterThan(8);
        expect(charts.filter(({ shapes, within }) => shapes === 0 || !within)).toEqual([]);
      });

      const legendOf = (title: string): Promise<string[]> =>
        browser.evaluate(`
          [...[...document.querySelectorAll('article:not([hidden])')]
            .find((panel) => panel.querySelector('h3').textContent === ${JSON.stringify(title)})
            .querySelectorAll('.legend li')].map((item) => item.innerText)`);

      it('names who gets and who fails, with totals', async () => {
        expect(await legendOf('Delivered')).toEqual(['crm 4', 'mail-tool 1']);
        expect(await legendOf('Failed attempts')).toEqual(['mail-tool status 3']);
        expect(await legendOf('Refused posts of Drift')).toEqual(['bad-token 1']);
      });

      it('shows all alarms, none of them ringing', async () => {
        const states = await browser.evaluate<string[]>(
          "[...document.querySelectorAll('.alarms li')].map(({ className }) => className)",
        );
        expect(states).toHaveLength(stack.monitoring.alarms.length);
        expect(states).not.toContain('alarm');
      });

      it('shows the subscriber that is chosen, and keeps the choice when it is loaded again', async () => {
        const chosen = (): Promise<string[]> =>
          browser.evaluate(
            "[...new Set([...document.querySelectorAll('[data-chosen]:not([hidden])')].map(({ dataset }) => dataset.chosen))]",
          );
        expect(await chosen()).toEqual(['crm']);
        const options = await browser.evaluate<string[]>(
          "[...document.querySelector('#choice').options].map((o) => o.value)",
        );
        expect(options).toEqual(['crm', 'mail-tool']);
        await browser.evaluate(
          "(() => { const box = document.querySelector('#choice'); box.value = 'mail-tool'; box.dispatchEvent(new Event('change')); })()",
        );
        expect(await chosen()).toEqual(['mail-tool']);
        expect(await legendOf('Attempts by outcome')).toEqual(['delivered 1', 'status 3']);
        await browser.reload();
        expect(await chosen()).toEqual(['mail-tool']);
      });

      it.each([390, 760, 1600])('needs no scrolling sideways at a width of %d', async (width) => {
        await browser.resize(width);
        const overflow = await browser.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(overflow).toBeLessThanOrEqual(0);
      });

      it('follows the system to light and dark', async () => {
        const ground = (): Promise<string> => browser.evaluate('getComputedStyle(document.body).backgroundColor');
        await browser.prefer('dark');
        const dark = await ground();
        await browser.prefer('light');
        expect([dark, await ground()]).toEqual(['rgb(16, 20, 26)', 'rgb(244, 245, 247)']);
      });
    },
  );
});
