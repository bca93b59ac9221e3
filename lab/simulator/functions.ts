import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { eventBridgePublisher } from '../../lambdas/aws/event-bridge-publisher.ts';
import { sqsControlQueue } from '../../lambdas/aws/sqs-control-queue.ts';
import { sqsDeliveryQueue } from '../../lambdas/aws/sqs-delivery-queue.ts';
import { sqsRetryQueues } from '../../lambdas/aws/sqs-retry-queues.ts';
import { sqsSubscriberQueues } from '../../lambdas/aws/sqs-subscriber-queues.ts';
import { sqsTimerQueue } from '../../lambdas/aws/sqs-timer-queue.ts';
import { createDeliverHandler } from '../../lambdas/deliver/handler.ts';
import type { WebhookSender } from '../../lambdas/deliver/ports.ts';
import { defaultDisableAfterSeconds } from '../../lambdas/domain/deliveries/endpoint-health.ts';
import type { LegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import type { RouteSettings } from '../../lambdas/domain/routes/desired-route.ts';
import { createEmitInactivityHandler } from '../../lambdas/inactivity/emit/handler.ts';
import { createSweepInactivityHandler } from '../../lambdas/inactivity/sweep/handler.ts';
import { createTrackActivityHandler } from '../../lambdas/inactivity/track/handler.ts';
import { createIngestHandler } from '../../lambdas/ingest/handler.ts';
import { createManageHandler } from '../../lambdas/manage/handler.ts';
import type { ReplayProgress, Replays } from '../../lambdas/manage/ports.ts';
import type { Log, Metrics } from '../../lambdas/ports/telemetry.ts';
import { createDueDeliveries } from '../../lambdas/provision/due-deliveries.ts';
import { createProvisionHandler } from '../../lambdas/provision/handler.ts';
import { createRecordEventsHandler } from '../../lambdas/record-events/handler.ts';
import type { EventBuses } from '../../local/aws/engine/event-bus.ts';
import type { Queues } from '../../local/aws/engine/queues.ts';
import type { InMemoryEventHistory } from '../support/in-memory/event-history.ts';
import { InMemoryQueuedReplays } from '../support/in-memory/management.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ConversationTable } from './conversation-table.ts';
import type { DeliveryTable } from './delivery-table.ts';
import { sparedFromReceive } from './flaky-queue.ts';
import type { History } from './history.ts';
import { Invocation, type InvocationOutcome, type InvocationSurroundings } from './invocation.ts';
import { eventBridgeClientFor, type PublishWatch, sqsClientFor } from './sdk-clients.ts';
import type { SettingsTable } from './settings-table.ts';
import type { SubscriptionTable } from './subscription-table.ts';

/** The timeouts that infra/ gives the functions, in seconds. */
const timeouts = {
  ingest: 10,
  'track-activity': 30,
  'sweep-inactivity': 55,
  'emit-inactivity': 10,
  'record-events': 30,
  provision: 300,
  deliver: 90,
  manage: 29,
} as const;

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html advises to wait for so long. */
const maxArchiveLagMs = 10 * 60_000;

type FunctionName = keyof typeof timeouts;

export interface FunctionWatch {
  onStart(invocation: Invocation, event: unknown): void;
  /** After the function has ended, and before anybody has acted on what it answered. */
  onEnd(invocation: Invocation, outcome: InvocationOutcome): void;
}

export interface FunctionsOptions extends InvocationSurroundings {
  readonly buses: EventBuses;
  readonly queues: Queues;
  readonly conversations: ConversationTable;
  readonly settings: SettingsTable;
  readonly subscriptions: SubscriptionTable;
  readonly deliveries: DeliveryTable;
  readonly events: InMemoryEventHistory;
  readonly controlPlane: () => ControlPlane;
  readonly senderFor: (invocation: Invocation, subscriptionId: string) => WebhookSender;
  readonly routeSettings: () => RouteSettings;
  readonly timeline: LegacyTimeline;
  readonly driftToken: string;
  readonly defaultQuietPeriodSeconds: number;
  readonly queueUrls: { readonly timers: string; readonly control: string };
  readonly watch: FunctionWatch & PublishWatch & { onReplay(subscriptionId: string): void };
}

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const metrics: Metrics = { add: () => undefined, flush: () => undefined };

/** The product's handlers, each invocation with ports of its own. */
export class Functions {
  readonly #options: FunctionsOptions;
  readonly active = new Set<Invocation>();
  readonly #queuedReplays = new InMemoryQueuedReplays();
  #invocations = 0;
  #exhaustedUntil = 0;

  constructor(options: FunctionsOptions) {
    this.#options = options;
  }

  /** As an event source mapping invokes it. */
  readonly invoke = async (
    functionName: string,
    payload: string,
  ): Promise<{ payload?: string; functionError?: string }> => {
    if (this.#isExhausted(functionName)) throw new Error('TooManyRequestsException');
    const outcome = await this.#run(functionName, JSON.parse(payload));
    return outcome.kind === 'failed'
      ? { functionError: 'Unhandled' }
      : { payload: JSON.stringify(outcome.value ?? null) };
  };

  /** As Lambda invokes it for an event: what fails is tried twice more. */
  readonly invokeAsync = async (functionName: string, payload: string): Promise<void> => {
    const { scheduler, random } = this.#options;
    for (const waitMs of [random.integer(5, 500), 60_000, 120_000]) {
      await scheduler.sleep(waitMs);
      // What is turned away is tried for hours, and is no attempt.
      for (let backoffMs = 1_000; this.#isExhausted(functionName); backoffMs = Math.min(300_000, 2 * backoffMs)) {
        await scheduler.sleep(backoffMs);
      }
      const outcome = await this.#run(functionName, JSON.parse(payload)).catch(() => undefined);
      if (outcome?.kind !== 'failed') return;
    }
  };

  /** Deliveries and probes share one pool. */
  #isExhausted(functionName: string): boolean {
    if (functionName in timeouts) return false;
    const { scheduler, random, weather } = this.#options;
    const now = scheduler.now();
    if (weather.strikes('exhausted-pool')) this.#exhaustedUntil = now + random.spread(1_000, 10 * 60_000);
    return now < this.#exhaustedUntil;
  }

  async sweep(): Promise<void> {
    await this.#run('sweep-inactivity', {});
  }

  async sweepDue(): Promise<void> {
    await this.#run('provision', { action: 'sweep-due' });
  }

  /** Undefined where no answer came. */
  async request(
    functionName: 'ingest' | 'manage',
    { method = 'POST', path = '/drift/events', body }: { method?: string; path?: string; body?: string },
  ): Promise<APIGatewayProxyStructuredResultV2 | undefined> {
    const event = {
      rawPath: path,
      headers: {},
      isBase64Encoded: false,
      requestContext: { http: { method } },
      ...(body === undefined ? {} : { body }),
    } as unknown as APIGatewayProxyEventV2;
    const outcome = await this.#run(functionName, event);
    return outcome.kind === 'answered' ? (outcome.value as APIGatewayProxyStructuredResultV2) : undefined;
  }

  /** From the engine's archive, which has what was put minutes ago, and perhaps not what was put since. */
  #replaysFor(invocation: Invocation): Replays {
    const { buses, scheduler, random } = this.#options;
    const routeSettings = this.#options.routeSettings();
    const { eventBusName, region, accountId, partition } = routeSettings;
    const arnOf = (resource: string) => `arn:${partition}:events:${region}:${accountId}:${resource}`;
    return {
      start: ({ name, ruleName, from, to }) =>
        invocation.call('StartReplay', () => {
          this.#options.watch.onReplay(ruleName.slice(routeSettings.prefix.length + 1));
          const archivedUntil = scheduler.now() - random.integer(0, maxArchiveLagMs);
          if (archivedUntil <= from) return { kind: 'started' } as const;
          buses.replays.start({
            name,
            eventSourceArn: arnOf('archive/archive'),
            destinationArn: arnOf(`event-bus/${eventBusName}`),
            filterArns: [arnOf(`rule/${eventBusName}/${ruleName}`)],
            startTime: from,
            endTime: Math.min(to, archivedUntil),
          });
          return { kind: 'started' } as const;
        }),
      describe: async (name) => {
        const found = buses.replays.list(name).find((replay) => replay.name === name);
        return found && { name, state: found.state.toLowerCase() as ReplayProgress['state'] };
      },
      list: async () => [],
      cancel: (name) =>
        invocation.call('CancelReplay', () => {
          if (!buses.replays.list().some((replay) => replay.name === name)) return false;
          const isUnderWay = ['STARTING', 'RUNNING'].includes(buses.replays.describe(name).state);
          if (isUnderWay) buses.replays.cancel(name);
          return isUnderWay;
        }),
    };
  }

  async #run(functionName: string, event: unknown): Promise<InvocationOutcome> {
    const { watch } = this.#options;
    const kind: FunctionName = functionName in timeouts ? (functionName as FunctionName) : 'deliver';
    if (kind === 'deliver' && !this.#options.controlPlane().functions.has(functionName)) {
      throw new Error(`no function ${functionName}`);
    }
    const invocation = new Invocation(this.#options, {
      id: ++this.#invocations,
      functionName,
      timeoutSeconds: timeouts[kind],
      isSpared: kind !== 'deliver' && receivesOf(event) > sparedFromReceive,
    });
    const handler = this.#handler(kind, functionName, invocation);
    this.active.add(invocation);
    watch.onStart(invocation, event);
    const outcome = await invocation.run(() =>
      handler(event, { getRemainingTimeInMillis: () => invocation.remainingMs(), functionName }),
    );
    this.active.delete(invocation);
    watch.onEnd(invocation, outcome);
    return outcome;
  }

  #handler(kind: FunctionName, functionName: string, invocation: Invocation): Handler {
    const { scheduler, random, timeline, buses, queues, queueUrls, watch, conversations, settings } = this.#options;
    const { subscriptions, deliveries, events, defaultQuietPeriodSeconds, driftToken } = this.#options;
    const routeSettings = this.#options.routeSettings();
    const shared = { clock: () => scheduler.now(), metrics, log: logTo(this.#options.history, invocation) };
    const sleep = (milliseconds: number) => invocation.sleep(milliseconds);
    const publisher = () =>
      eventBridgePublisher({
        client: eventBridgeClientFor(invocation, buses, watch),
        eventBusName: routeSettings.eventBusName,
        sleep,
      });
    const sqs = sqsClientFor(invocation, queues);
    const randomBytes = (count: number) => random.bytes(count);
    const make = (): unknown => {
      switch (kind) {
        case 'ingest':
          return createIngestHandler({
            ...shared,
            timeline,
            publisher: publisher(),
            activities: conversations.acceptedFor(invocation),
            tokens: { accepted: async () => [driftToken] },
          });
        case 'track-activity':
          return createTrackActivityHandler({
            ...shared,
            conversations: conversations.portsFor(invocation),
            quietPeriods: settings.quietPeriodsFor(invocation),
            timers: sqsTimerQueue(sqs, queueUrls.timers),
          });
        case 'sweep-inactivity':
          return createSweepInactivityHandler({
            ...shared,
            conversations: conversations.portsFor(invocation),
            timers: sqsTimerQueue(sqs, queueUrls.timers),
          });
        case 'emit-inactivity':
          return createEmitInactivityHandler({
            ...shared,
            timeline,
            conversations: conversations.portsFor(invocation),
            quietPeriods: settings.quietPeriodsFor(invocation),
            timers: sqsTimerQueue(sqs, queueUrls.timers),
            publisher: publisher(),
          });
        case 'record-events':
          return createRecordEventsHandler({
            ...shared,
            historyDays: 14,
            recorder: {
              record: (event, expiresAt) => {
                invocation.about.add(event.webhookId);
                return invocation.call('PutItem event', () => events.record(event, expiresAt));
              },
            },
          });
        case 'provision':
          return createProvisionHandler({
            ...shared,
            timeline,
            randomBytes,
            sleep,
            subscriptions: subscriptions.storeFor(invocation),
            leases: subscriptions.leasesFor(invocation),
            gate: subscriptions.gateFor(invocation),
            routes: this.#options.controlPlane().portFor(invocation),
            controlQueue: sqsControlQueue(sqs, queueUrls.control),
            dueDeliveries: createDueDeliveries({
              ...shared,
              subscriptions: subscriptions.storeFor(invocation),
              dueDeliveries: deliveries.dueFor(invocation),
              retryQueues: sqsRetryQueues(sqs, routeSettings),
              publisher: publisher(),
            }),
            responder: { respond: () => Promise.reject(new Error('nothing is deployed here')) },
            settings: routeSettings,
            ruleSettleSeconds: 30,
            outboundPolicy: 'public',
          });
        case 'deliver': {
          const environment = this.#options.controlPlane().functions.get(functionName)?.environment ?? {};
          const { SUBSCRIPTION_ID: subscriptionId = '', QUEUE_URL: queueUrl = '' } = environment;
          return createDeliverHandler({
            ...shared,
            subscriptionId,
            sender: this.#options.senderFor(invocation, subscriptionId),
            ledger: deliveries.ledgerFor(invocation, subscriptionId),
            health: subscriptions.healthFor(invocation, subscriptionId),
            queue: sqsDeliveryQueue(sqs, queueUrl, shared.log),
            control: sqsControlQueue(sqs, queueUrls.control),
            publisher: publisher(),
            random: () => random.next(),
            disableAfterSeconds: defaultDisableAfterSeconds,
          });
        }
        case 'manage':
          return createManageHandler({
            ...shared,
            timeline,
            randomBytes,
            sleep,
            subscriptions: subscriptions.storeFor(invocation),
            requestKeys: { claim: noRepetitions, takeUp: noRepetitions, release: noRepetitions },
            settings: settings.storeFor(invocation),
            deliveries: deliveries.logFor(invocation),
            events: {
              read: (id) => invocation.call('GetItem event', () => events.read(id)),
              readMany: (ids) => invocation.call('BatchGetItem events', () => events.readMany(ids)),
              list: (query) => invocation.call('Query events', () => events.list(query)),
            },
            conversations: { read: notAsked },
            publisher: publisher(),
            rules: { outboundPolicy: 'public', timeline },
            routePrefix: routeSettings.prefix,
            queues: { ...sqsSubscriberQueues(sqs, routeSettings.prefix), depth: async () => undefined },
            functions: this.#options.controlPlane().deliveryFunctionsFor(invocation),
            subscriptionMetrics: { read: notAsked },
            replays: this.#replaysFor(invocation),
            queuedReplays: this.#queuedReplays,
            defaultQuietPeriodSeconds,
          });
        default:
          throw kind satisfies never;
      }
    };
    return make() as Handler;
  }
}

function noRepetitions(): Promise<never> {
  return Promise.reject(new Error('nobody sends a request twice here'));
}

function notAsked(): Promise<never> {
  return Promise.reject(new Error('nobody asks for it here'));
}

/** How often the most received message of a batch was received. */
function receivesOf(event: unknown): number {
  const { Records: records } = event as { Records?: { attributes?: { ApproximateReceiveCount?: string } }[] };
  return Math.max(0, ...(records ?? []).map(({ attributes }) => Number(attributes?.ApproximateReceiveCount ?? 0)));
}

/** Log lines are steps of the history; what they name is what they are about. */
function logTo(history: History, invocation: Invocation): Log {
  const line = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    const named = [fields?.subscriptionId, fields?.webhookId].filter((name) => typeof name === 'string');
    history.add(invocation.name, `${level}: ${message}`, named.length > 0 ? named : [...invocation.about], fields);
  };
  return { info: line('log'), warn: line('warning'), error: line('error') };
}
