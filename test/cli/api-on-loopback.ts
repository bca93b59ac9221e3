import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { noon } from '../../lab/support/deliveries.ts';
import { InMemoryEventHistory } from '../../lab/support/in-memory/event-history.ts';
import { InMemoryQueuedReplays, InMemoryRequestKeys } from '../../lab/support/in-memory/management.ts';
import { RecordedPublisher } from '../../lab/support/in-memory/publisher.ts';
import { InMemorySubscriptions } from '../../lab/support/in-memory/subscriptions.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { aLambdaContext } from '../../lab/support/sqs-events.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import type { Conversation } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import { configEtag } from '../../lambdas/domain/subscriptions/config-etag.ts';
import type { SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';
import { createIngestHandler } from '../../lambdas/ingest/handler.ts';
import { createManageHandler } from '../../lambdas/manage/handler.ts';
import type { DeliveryQuery, MetricPeriod, QueueDepth, ReplayProgress } from '../../lambdas/manage/ports.ts';

export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
}

/**
 * What the command line talks to: the real handlers of the management API and of Drift's posts, over HTTP, on stores
 * in memory. So a command that misreads the API fails here.
 */
export class ApiOnLoopback {
  readonly subscriptions = new InMemorySubscriptions();
  readonly publisher = new RecordedPublisher();
  readonly deliveries: DeliveryRecord[] = [];
  readonly events = new InMemoryEventHistory();
  readonly conversations = new Map<string, Conversation>();
  /** Envelopes that were put in the queues of subscribers. */
  readonly queued: string[] = [];
  readonly depths = new Map<string, QueueDepth>();
  readonly metricPeriods: MetricPeriod[] = [];
  readonly replays: ReplayProgress[] = [];
  readonly quietPeriods = new Map<string, number>();
  readonly requests: SeenRequest[] = [];
  /** Answered instead of the handlers' answers, once each. */
  readonly nextAnswers: ScriptedAnswer[] = [];
  /** So many requests are carried out, and the connection breaks before the answer. */
  lostAnswers = 0;
  driftToken = 'local-drift-token';
  now = noon;
  /** Called when the test route waits for an answer. */
  whileWaiting: () => void = () => {
    this.now += 1000;
  };
  private readonly server: Server;

  private constructor() {
    const log = new RecordedLog();
    const metrics = new RecordedMetrics();
    const shared = {
      publisher: this.publisher,
      timeline: publishedLegacyTimeline,
      clock: () => this.now,
      log,
      metrics,
    };
    const ingest = createIngestHandler({
      ...shared,
      activities: { note: async () => {} },
      tokens: { accepted: async () => [this.driftToken] },
    });
    const manage = createManageHandler({
      ...shared,
      subscriptions: this.subscriptions,
      requestKeys: new InMemoryRequestKeys(),
      settings: {
        quietPeriodSeconds: async (orgId) => this.quietPeriods.get(orgId),
        setQuietPeriodSeconds: async (orgId, seconds) => {
          if (seconds === undefined) this.quietPeriods.delete(orgId);
          else this.quietPeriods.set(orgId, seconds);
        },
      },
      deliveries: {
        read: async (id, webhookId) =>
          this.deliveries.find((record) => record.subscriptionId === id && record.webhookId === webhookId),
        readMany: async (pairs) =>
          this.deliveries.filter((record) =>
            pairs.some(
              ({ subscriptionId, webhookId }) =>
                record.subscriptionId === subscriptionId && record.webhookId === webhookId,
            ),
          ),
        list: async (id, query) => this.listDeliveries(id, query),
      },
      events: this.events,
      conversations: { read: async (key) => this.conversations.get(key) },
      subscriptionMetrics: { read: async () => ({ kind: 'read', periods: this.metricPeriods }) },
      queues: {
        depth: async (id) => this.depths.get(id),
        put: async (_id, envelopes) => {
          this.queued.push(...envelopes);
          return envelopes.map((_, index) => `sqs-${index}`);
        },
      },
      functions: { resend: async () => {} },
      queuedReplays: new InMemoryQueuedReplays(),
      replays: {
        start: async ({ name, from, to }) => {
          this.replays.unshift({ name, state: 'running', from, to });
          return { kind: 'started' };
        },
        describe: async (name) => this.replays.find((replay) => replay.name === name),
        list: async (prefix) => this.replays.filter(({ name }) => name.startsWith(prefix)),
        cancel: async () => true,
      },
      routePrefix: 'test',
      rules: { outboundPolicy: 'local', timeline: publishedLegacyTimeline },
      defaultQuietPeriodSeconds: 600,
      randomBytes,
      sleep: async () => this.whileWaiting(),
    });

    this.server = createServer(async (request, response) => {
      const event = await this.proxyEvent(request);
      const scripted = this.nextAnswers.shift();
      if (scripted !== undefined) {
        response.writeHead(scripted.status, scripted.headers).end(scripted.text);
        return;
      }
      const handler = event.rawPath === '/drift/events' ? ingest : manage;
      const answer = await handler(event, aLambdaContext());
      if (this.lostAnswers-- > 0) {
        request.socket.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 200, answer.headers as Record<string, string>).end(answer.body);
    });
  }

  static async start(): Promise<ApiOnLoopback> {
    const api = new ApiOnLoopback();
    api.server.listen(0, '127.0.0.1');
    await once(api.server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get lastRequest(): SeenRequest {
    const request = this.requests.at(-1);
    if (request === undefined) throw new Error('no request has come in');
    return request;
  }

  /** What `provision` writes when it has put a subscription in force. */
  async provision(subscriptionId: string, state: Partial<SubscriptionState> = {}): Promise<void> {
    const config = this.subscriptions.configs.get(subscriptionId) ?? {};
    await this.subscriptions.changeState(subscriptionId, {
      set: { provisioning: 'ready', appliedConfig: configEtag(config), ...state },
    });
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private listDeliveries(id: string, { state, replayName, limit, after }: DeliveryQuery) {
    const all = this.deliveries.filter(
      (record) =>
        record.subscriptionId === id &&
        (replayName === undefined || record.replayName === replayName) &&
        (state === undefined || (state === 'undelivered' ? record.state !== 'delivered' : record.state === state)),
    );
    const start = all.findIndex(({ webhookId }) => webhookId === after?.webhookId) + 1;
    const deliveries = all.slice(start, start + limit);
    const last = deliveries.at(-1);
    return start + limit < all.length && last !== undefined ? { deliveries, next: last } : { deliveries };
  }

  private async proxyEvent(request: IncomingMessage): Promise<APIGatewayProxyEventV2> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const { method = '', url: target = '', headers } = request;
    this.requests.push({ method, target, headers, bytes });
    const { pathname, search } = new URL(target, 'http://api');
    return {
      rawPath: pathname,
      headers,
      rawQueryString: search.slice(1),
      requestContext: { http: { method }, requestId: 'request' },
      ...(bytes.length === 0 ? {} : { body: bytes.toString() }),
      isBase64Encoded: false,
    } as unknown as APIGatewayProxyEventV2;
  }
}
