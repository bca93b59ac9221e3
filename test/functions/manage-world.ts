import { randomBytes } from 'node:crypto';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { expect } from 'vitest';
import { InMemoryEventHistory } from '../../lab/support/in-memory/event-history.ts';
import {
  InMemoryDeliveries,
  InMemoryDeliveryFunctions,
  InMemoryQueuedReplays,
  InMemoryQueues,
  InMemoryReplays,
  InMemoryRequestKeys,
  InMemorySettings,
  InMemorySubscriptionMetrics,
} from '../../lab/support/in-memory/management.ts';
import { RecordedPublisher } from '../../lab/support/in-memory/publisher.ts';
import { InMemorySubscriptions } from '../../lab/support/in-memory/subscriptions.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { day, longGoneTimeline } from '../../lab/support/subscriptions.ts';
import type { Conversation } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import { configEtag } from '../../lambdas/domain/subscriptions/config-etag.ts';
import type { JsonObject } from '../../lambdas/json/json.ts';
import { createManageHandler } from '../../lambdas/manage/handler.ts';
import { openApiDocument } from '../../lambdas/manage/openapi.ts';
import { answerCheck, type OpenApiDocument } from './answer-check.ts';

const check = answerCheck(JSON.parse(JSON.stringify(openApiDocument({ isSigned: true }))) as OpenApiDocument);

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

function bodyText(body: unknown): string {
  if (Buffer.isBuffer(body)) return body.toString('base64');
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** The management API on stores in memory. */
export class World {
  readonly subscriptions = new InMemorySubscriptions();
  readonly requestKeys = new InMemoryRequestKeys();
  readonly settings = new InMemorySettings();
  readonly deliveries = new InMemoryDeliveries();
  events: InMemoryEventHistory | undefined = new InMemoryEventHistory();
  readonly conversations = new Map<string, Conversation>();
  readonly replays = new InMemoryReplays();
  readonly queuedReplays = new InMemoryQueuedReplays();
  readonly queues = new InMemoryQueues();
  readonly functions = new InMemoryDeliveryFunctions();
  readonly publisher = new RecordedPublisher();
  readonly subscriptionMetrics = new InMemorySubscriptionMetrics();
  readonly log = new RecordedLog();
  timeline = longGoneTimeline;
  now = 100 * day;

  /** Each answer is held against the OpenAPI document. */
  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const handler = createManageHandler({
      subscriptions: this.subscriptions,
      requestKeys: this.requestKeys,
      settings: this.settings,
      deliveries: this.deliveries,
      events: this.events,
      conversations: { read: async (key) => this.conversations.get(key) },
      replays: this.replays,
      queuedReplays: this.queuedReplays,
      queues: this.queues,
      functions: this.functions,
      publisher: this.publisher,
      subscriptionMetrics: this.subscriptionMetrics,
      rules: { outboundPolicy: 'public', timeline: this.timeline },
      timeline: this.timeline,
      defaultQuietPeriodSeconds: 600,
      routePrefix: 'fanout-test',
      randomBytes,
      sleep: async (ms) => {
        this.now += ms;
      },
      clock: () => this.now,
      metrics: new RecordedMetrics(),
      log: this.log,
    });
    const [rawPath = '', rawQuery = ''] = path.split('?');
    const event = {
      rawPath,
      headers,
      rawQueryString: rawQuery,
      requestContext: { http: { method } },
      isBase64Encoded: Buffer.isBuffer(body),
      ...(body === undefined ? {} : { body: bodyText(body) }),
    } as unknown as APIGatewayProxyEventV2;
    const answer = await handler(event, {} as Context);
    const text = answer.body ?? '';
    const answerHeaders = (answer.headers ?? {}) as Record<string, string>;
    const status = answer.statusCode ?? 0;
    const json = text === '' ? undefined : JSON.parse(text);
    const wrong = check({ method, path, status, contentType: answerHeaders['content-type'], body: json });
    if (wrong !== undefined) throw new Error(wrong);
    return { status, headers: answerHeaders, text, body: json };
  }

  async create(fields: JsonObject = {}): Promise<string> {
    const body = { url: 'https://hooks.example.com/', eventTypes: ['new_message'], ...fields };
    const { body: created, status } = await this.ask('POST', '/v1/subscriptions', body);
    expect(status).toBe(201);
    return created.subscriptionId;
  }

  /** As `provision` leaves it. */
  async provision(id: string, state: JsonObject = {}): Promise<void> {
    const config = this.subscriptions.configs.get(id) ?? {};
    await this.subscriptions.changeState(id, {
      set: { provisioning: 'ready', appliedConfig: configEtag(config), ...state },
    });
  }
}
