import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { eventBridgePublisher } from '../../../lambdas/aws/event-bridge-publisher.ts';
import { sleep } from '../../../lambdas/aws/sleep.ts';
import { createIngestHandler } from '../../../lambdas/ingest/handler.ts';
import { powertoolsLog } from '../../../lambdas/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../../lambdas/telemetry/powertools-metrics.ts';
import { aMessage, aStatusUpdate, broadcastsOf } from '../../support/drift-events.ts';
import { longGoneTimeline } from '../../support/subscriptions.ts';
import { times, withSpread } from '../figures.ts';
import { type Arm, comparePairs, ratioOf, spreadOf } from '../paired-comparison.ts';
import { startReceiver } from '../receiver.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const postsPerRun = 150;
const limit = 1.3;
const token = 'bench';

/** `ingest` against a function that parses the body and calls PutEvents. */
export async function measureIngest({ quick }: SectionOptions): Promise<SectionReport> {
  process.env.POWERTOOLS_SERVICE_NAME = 'fanout-bench';
  const receiver = await startReceiver('aws');
  const client = (): EventBridgeClient =>
    new EventBridgeClient({
      endpoint: receiver.https,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' },
    });
  const rounds = quick ? { pairs: 8, warmUps: 6 } : { pairs: 50, warmUps: 15 };
  const texts = Array.from({ length: 300 }, (_, index) => 'We are a shop for bicycles in Bergen. '.slice(index % 20));
  const posts = {
    'a message': texts.map((text, index) => aMessage({ id: 635760549 + index, body: `<p>${text.repeat(9)}</p>` })),
    'a close': texts.map((_, index) => aStatusUpdate({ changedAt: 1591813767001 + index })),
  };
  const compared = [];
  for (const [name, events] of Object.entries(posts)) {
    const bodies = events.map(({ type, data }) => JSON.stringify({ orgId: 1234, type, token, data }));
    // What our function would publish for it, so that both send the same bytes.
    const entries = events.map((event) =>
      broadcastsOf(event).map(({ source, detail }) => ({ source, type: detail.type, detail: JSON.stringify(detail) })),
    );
    const comparison = await comparePairs(ingestArm(client(), bodies), bareArm(client(), bodies, entries), rounds);
    compared.push({ name, comparison });
  }
  receiver.stop();

  const [ofMessages] = compared;
  return {
    title: 'Ingest',
    method:
      'The `ingest` handler with one post after the other, as Lambda hands them over: token checked, body parsed without losing a digit of its numbers, events derived, published by the SDK over TLS, one log line and the metrics written. Against a function that calls `JSON.parse` and has the same SDK client put the very same entries, made beforehand. Most of what both cost is the SDK.',
    tables: [
      {
        head: ['posted', 'CPU µs each', 'bare, CPU µs each', 'ratio of CPU'],
        rows: compared.map(({ name, comparison }) => [
          name,
          withSpread(spreadOf(comparison.pairs.map(({ first }) => first.cpuMs * 1000)), 0),
          withSpread(spreadOf(comparison.pairs.map(({ second }) => second.cpuMs * 1000)), 0),
          withSpread(ratioOf(comparison)),
        ]),
      },
    ],
    targets:
      ofMessages === undefined
        ? []
        : [atMost('ingest: CPU against bare parse-and-PutEvents', limit, ratioOf(ofMessages.comparison).median, times)],
  };
}

function aRequest(body: string): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: 'POST /drift/events',
    rawPath: '/drift/events',
    rawQueryString: '',
    headers: { 'content-type': 'application/json', 'user-agent': 'drift', host: 'api.example.com' },
    requestContext: { requestId: 'bench' } as APIGatewayProxyEventV2['requestContext'],
    body,
    isBase64Encoded: false,
  };
}

function ingestArm(client: EventBridgeClient, bodies: readonly string[]): Arm {
  const handler = createIngestHandler({
    tokens: { accepted: async () => [token] },
    publisher: eventBridgePublisher({ client, eventBusName: 'fanout', sleep }),
    activities: { note: async () => {} },
    timeline: longGoneTimeline,
    clock: Date.now,
    metrics: powertoolsMetrics(),
    log: powertoolsLog('ingest'),
  }) as unknown as (request: APIGatewayProxyEventV2, context: object) => Promise<APIGatewayProxyStructuredResultV2>;
  return {
    name: 'ingest',
    async run() {
      for (let index = 0; index < postsPerRun; index++) {
        const { statusCode } = await handler(aRequest(bodies[index % bodies.length] ?? ''), {});
        if (statusCode !== 202) throw new Error(`ingest answered ${statusCode}`);
      }
      return postsPerRun;
    },
  };
}

type Entries = readonly { readonly source: string; readonly type: string; readonly detail: string }[];

function bareArm(client: EventBridgeClient, bodies: readonly string[], entries: readonly Entries[]): Arm {
  const handler = async (request: APIGatewayProxyEventV2, toPut: Entries): Promise<{ statusCode: number }> => {
    const { type } = JSON.parse(request.body ?? '') as { type?: string };
    if (type === undefined) return { statusCode: 400 };
    const put = toPut.map(
      (entry): PutEventsRequestEntry => ({
        EventBusName: 'fanout',
        Source: entry.source,
        DetailType: entry.type,
        Detail: entry.detail,
      }),
    );
    const { FailedEntryCount } = await client.send(new PutEventsCommand({ Entries: put }));
    return { statusCode: FailedEntryCount === 0 ? 202 : 503 };
  };
  return {
    name: 'bare',
    async run() {
      for (let index = 0; index < postsPerRun; index++) {
        const at = index % bodies.length;
        const { statusCode } = await handler(aRequest(bodies[at] ?? ''), entries[at] ?? []);
        if (statusCode !== 202) throw new Error(`the bare function answered ${statusCode}`);
      }
      return postsPerRun;
    },
  };
}
