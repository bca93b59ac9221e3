import { eventSources } from '../../lambdas/domain/events/event-types.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import { timerEventTypes } from '../../lambdas/domain/inactivity/activity.ts';
import { sweepIntervalSeconds } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { RouteSettings } from '../../lambdas/domain/routes/desired-route.ts';
import { createChangeStream } from '../../local/aws/engine/change-stream.ts';
import { createEventBuses, type EventBuses } from '../../local/aws/engine/event-bus.ts';
import type { Queue } from '../../local/aws/engine/queue.ts';
import { createQueues, type Queues } from '../../local/aws/engine/queues.ts';
import { createSqsMapping } from '../../local/aws/engine/sqs-mapping.ts';
import { createStreamMapping } from '../../local/aws/engine/stream-mapping.ts';
import { deliverToQueuesAndFunctions } from '../../local/aws/engine/target-delivery.ts';
import type { DeliverToTarget } from '../../local/aws/engine/target-sender.ts';
import { InMemoryEventHistory } from '../support/in-memory/event-history.ts';
import { ControlPlane } from './control-plane.ts';
import { ConversationTable } from './conversation-table.ts';
import { DeliveryCheck } from './delivery-check.ts';
import { DeliveryTable } from './delivery-table.ts';
import { FaultWeather } from './fault-weather.ts';
import { flakyQueue } from './flaky-queue.ts';
import { Functions } from './functions.ts';
import { History } from './history.ts';
import { InactivityCheck } from './inactivity-check.ts';
import type { Invocation } from './invocation.ts';
import type { Operators } from './operators.ts';
import { PublishedEvents } from './published-events.ts';
import type { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SettingsTable } from './settings-table.ts';
import { SubscriptionCheck } from './subscription-check.ts';
import { SubscriptionTable } from './subscription-table.ts';
import { Violations } from './violations.ts';

export const driftToken = 'simulated-drift-token';
const region = 'us-east-1';
const accountId = '000000000000';
const queueUrlBase = `https://sqs.${region}.amazonaws.com/${accountId}/`;
const busName = 'fanout';
const defaultQuietPeriodSeconds = 600;
/** Five minutes apart: six hours. A pause that `provision` has not heard of, for one, is read and hidden until the hourly run. */
const maxLooksFull = 72;
const fourteenDaysSeconds = 14 * 24 * 60 * 60;

const firstRouteSettings: RouteSettings = {
  prefix: 'sim',
  partition: 'aws',
  region,
  accountId,
  eventBusName: busName,
  queueUrlBase,
  deliverCode: { bucket: 'code', key: 'deliver.zip' },
  deliverRoleArn: `arn:aws:iam::${accountId}:role/deliver`,
  deliverLogGroup: 'deliver',
  tags: {},
  deliverEnvironment: {},
};

/**
 * The deployed system in one process: the product's handlers, the local engine's bus, queues, streams and mappings, and
 * tables in memory, all on one scheduler; with somebody who watches each of them.
 */
export class World {
  readonly scheduler: Scheduler;
  readonly history: History;
  readonly weather: FaultWeather;
  readonly violations = new Violations();
  readonly queues: Queues;
  readonly buses: EventBuses;
  readonly conversations: ConversationTable;
  readonly settings: SettingsTable;
  readonly subscriptions: SubscriptionTable;
  readonly deliveries: DeliveryTable;
  readonly events = new InMemoryEventHistory();
  readonly controlPlane: ControlPlane;
  readonly functions: Functions;
  readonly facts: PublishedEvents;
  readonly subscriptionCheck: SubscriptionCheck;
  readonly deliveryCheck: DeliveryCheck;
  readonly inactivityCheck: InactivityCheck;
  /** Changes of subscriptions that the stream gave up; the hourly run finds them. */
  lostChanges = 0;
  /** Once only, by whoever owns the endpoints. */
  operators: Operators | undefined;
  routeSettings = firstRouteSettings;
  readonly #random: Random;
  readonly #maxInFlight: number;
  /** At how many looks in a row each queue was full of what is hidden while more waited. */
  readonly #looksFull = new Map<string, number>();
  #deploys = 0;
  #isDraining = false;
  #isStopped = false;

  constructor(random: Random, startAt: number) {
    this.#random = random.fork('world');
    this.#maxInFlight = random.fork('queues').pick([20, 60, 120_000, 120_000]);
    this.scheduler = new Scheduler(random.fork('scheduler'), startAt);
    const { scheduler, violations } = this;
    const now = () => scheduler.now();
    this.history = new History(now);
    this.weather = new FaultWeather(random.fork('weather'));
    let ids = 0;
    const newId = () => `id-${++ids}`;

    this.queues = createQueues({ clock: scheduler, region, accountId, newId });
    this.buses = createEventBuses({
      clock: scheduler,
      region,
      accountId,
      newId,
      random: () => this.#random.next(),
      deliver: this.#delivering(),
      onDropped: ({ targetArn }, { errorCode }) => this.history.add('bus', `dropped: ${errorCode}`, [targetArn]),
    });
    this.settings = new SettingsTable(defaultQuietPeriodSeconds, now);
    this.subscriptionCheck = new SubscriptionCheck(now, violations, (id) => this.controlPlane.owners().has(id));
    this.inactivityCheck = new InactivityCheck({
      now,
      violations,
      settings: this.settings,
      isPosted: (event) => this.facts.isPosted(event),
    });
    this.facts = new PublishedEvents({
      now,
      violations,
      subscriptions: this.subscriptionCheck,
      legacy: publishedLegacyTimeline,
      onInactive: (invocation, id, orgId, data) => this.inactivityCheck.onInactive(invocation, id, orgId, data),
    });
    this.deliveryCheck = new DeliveryCheck({
      now,
      step: () => scheduler.steps,
      violations,
      facts: this.facts,
      subscriptions: this.subscriptionCheck,
      lookUp: (id) => this.subscriptions.get(id),
    });
    const tableArn = `arn:aws:dynamodb:${region}:${accountId}:table/subscriptions`;
    const stream = createChangeStream({ clock: scheduler, region, tableArn, newId });
    this.conversations = new ConversationTable(now, this.#random, (invocation, key, { publishing }) =>
      this.inactivityCheck.onTimer(invocation, key, publishing),
    );
    this.subscriptions = new SubscriptionTable(stream, {
      onConfig: (id, config) => {
        this.history.add('subscriptions', config === undefined ? 'deleted' : 'written', [id], config);
        this.subscriptionCheck.onConfig(id, config);
        this.deliveryCheck.onConfig(id);
      },
      onState: (id, state) => {
        const { generatedSecrets: _, ...shown } = state ?? {};
        this.history.add('subscriptions', 'state', [id], shown);
        this.subscriptionCheck.onState(id, state);
        this.deliveryCheck.onState(id, state);
      },
    });
    this.deliveries = new DeliveryTable(this.subscriptions, this.deliveryCheck);
    this.functions = this.#makeFunctions();
    this.controlPlane = new ControlPlane({
      prefix: firstRouteSettings.prefix,
      busName,
      region,
      scheduler,
      random: this.#random,
      weather: this.weather,
      buses: this.buses,
      queues: this.queues,
      maxInFlight: this.#maxInFlight,
      invoke: this.functions.invoke,
      invokeAsync: (name, payload) => void this.functions.invokeAsync(name, payload),
    });
    this.#deploy();
    createStreamMapping({
      clock: scheduler,
      region,
      stream,
      invoke: this.functions.invoke,
      settings: {
        functionName: 'provision',
        batchSize: 10,
        startingPosition: 'TRIM_HORIZON',
        bisectBatchOnFunctionError: true,
        maximumRetryAttempts: 10,
        reportBatchItemFailures: true,
      },
      onGivenUp: () => {
        this.lostChanges++;
      },
    });
    this.#every(sweepIntervalSeconds * 1000, () => this.#sweep());
    this.#every(60_000, () => this.#sweepDue());
    this.#every(60 * 60_000, () => {
      if (this.weather.strikes('missed-reconcile')) this.subscriptionCheck.onMissedReconcile();
      else this.reconcileAll();
    });
    this.#every(5 * 60_000, () => {
      if (!this.#isDraining) this.subscriptionCheck.checkProgress();
      this.#checkFlow();
    });
    this.#every(60 * 60_000, () => this.#checkDisabled());
  }

  /** No more faults; what is under way comes to its end. */
  drain(): void {
    this.weather.end();
    this.#isDraining = true;
  }

  stop(): void {
    this.#isStopped = true;
    this.controlPlane.stop();
    this.buses.stop();
    this.queues.stop();
  }

  /** New delivery code, for every route. */
  deploy(): void {
    const { bucket } = this.routeSettings.deliverCode;
    this.routeSettings = { ...this.routeSettings, deliverCode: { bucket, key: `deliver-${++this.#deploys}.zip` } };
    this.reconcileAll();
  }

  /** The hourly run; a deploy sets it off as well. */
  reconcileAll(): void {
    void this.functions.invokeAsync('provision', '{"action":"reconcile-all"}');
  }

  /** Messages that wait, are under way, or are delayed, by queue. */
  waiting(): { readonly queue: string; readonly messages: number }[] {
    return this.queues.list().flatMap((queue) => {
      const { visible, inFlight, delayed } = queue.counts();
      return visible + inFlight + delayed === 0 ? [] : [{ queue: queue.name, messages: visible + inFlight + delayed }];
    });
  }

  isAtRest(): boolean {
    return (
      this.functions.active.size === 0 &&
      this.conversations.armedTimers === 0 &&
      this.waiting().length === 0 &&
      this.deliveries.nextDueAt === Number.POSITIVE_INFINITY
    );
  }

  #every(milliseconds: number, act: () => void): void {
    const arm = (at: number): void => {
      this.scheduler.setTimer(at, () => {
        if (this.#isStopped) return;
        arm(at + milliseconds);
        act();
      });
    };
    arm(this.scheduler.now() + this.#random.integer(1, milliseconds));
  }

  #sweep(): void {
    // Where no timer is armed a sweep finds none: quiet hours pass more quickly without.
    if (this.conversations.armedTimers === 0) return;
    if (!this.weather.strikes('missed-sweep')) void this.functions.sweep();
    else this.inactivityCheck.onMissedSweep();
  }

  /** Whoever was gone at another url is no reason to leave this one alone: within hours a reconcile has seen the change. */
  #checkDisabled(): void {
    for (const [id, { disabled }] of this.subscriptions.states) {
      const url = this.subscriptions.configs.get(id)?.url;
      if (disabled === undefined || typeof url !== 'string' || !URL.canParse(url) || !/410|asked/.test(disabled.reason))
        continue;
      if (this.scheduler.now() - disabled.at < 6 * 60 * 60_000 || this.#endpointOf(url).hasSaidGone) continue;
      this.violations.report('no endpoint is disabled for what another said', `${id} at ${url}: ${disabled.reason}`, [
        id,
      ]);
    }
  }

  /** A retry is hidden for minutes, so what is hidden makes room within the hour, whatever fails. */
  #checkFlow(): void {
    for (const queue of this.queues.list(`${firstRouteSettings.prefix}-`)) {
      const { visible, inFlight } = queue.counts();
      const looks = visible > 0 && inFlight >= this.#maxInFlight ? (this.#looksFull.get(queue.name) ?? 0) + 1 : 0;
      this.#looksFull.set(queue.name, looks);
      if (looks !== maxLooksFull) continue;
      const text = `${inFlight} messages of ${queue.name} have been in flight for hours, and ${visible} wait`;
      this.violations.report('what is hidden keeps nothing else waiting', text, [queue.name, queue.name.slice(4)]);
    }
  }

  #sweepDue(): void {
    // Nothing would come of it: quiet hours pass more quickly without.
    if (this.deliveries.nextDueAt > this.scheduler.now() + 2 * 60_000) return;
    if (!this.weather.strikes('missed-sweep')) void this.functions.sweepDue();
  }

  #delivering(): DeliverToTarget {
    const { scheduler, weather } = this;
    let deliver: DeliverToTarget | undefined;
    return async (delivery) => {
      deliver ??= deliverToQueuesAndFunctions({
        queues: this.queues,
        allowsSend: (queueArn, ruleArn) => allowsRule(this.queues.findByArn(queueArn)?.policy(), ruleArn),
        invokeAsync: () => Promise.reject(new Error('no function is a target here')),
      });
      if (!this.controlPlane.letsThrough(delivery.ruleArn, delivery.payload)) return { kind: 'delivered' };
      const isLate = weather.strikes('out-of-order');
      await scheduler.sleep(isLate ? this.#random.spread(500, 8_000) : this.#random.integer(3, 60));
      if (weather.strikes('bus-retry'))
        return { kind: 'failed', errorCode: 'INTERNAL_ERROR', errorMessage: 'injected' };
      if (weather.strikes('event-twice')) {
        const again = deliver;
        scheduler.setTimer(scheduler.now() + this.#random.spread(1, 20_000), () => void again(delivery));
      }
      return deliver(delivery);
    };
  }

  #makeFunctions(): Functions {
    const { facts, inactivityCheck, subscriptionCheck, deliveryCheck } = this;
    const events = new WeakMap<Invocation, unknown>();
    return new Functions({
      scheduler: this.scheduler,
      random: this.#random,
      weather: this.weather,
      history: this.history,
      buses: this.buses,
      queues: this.queues,
      conversations: this.conversations,
      settings: this.settings,
      subscriptions: this.subscriptions,
      deliveries: this.deliveries,
      events: this.events,
      controlPlane: () => this.controlPlane,
      routeSettings: () => this.routeSettings,
      timeline: publishedLegacyTimeline,
      driftToken,
      defaultQuietPeriodSeconds,
      queueUrls: { timers: `${queueUrlBase}timers`, control: `${queueUrlBase}control` },
      senderFor: (invocation, subscriptionId) => ({
        send: async (request) => {
          const attempt = deliveryCheck.onAttempt(invocation, subscriptionId, request);
          const id = request.headers['webhook-id'] ?? '';
          const { type } = JSON.parse(request.body) as { type: string };
          const answer = this.#endpointOf(request.url).answer(id, this.scheduler.now(), type);
          deliveryCheck.onAnswer(attempt, subscriptionId, answer);
          this.history.add(invocation.name, 'attempt', [id, subscriptionId], { url: request.url, ...answer });
          await invocation.sleep(answer.afterMs);
          return answer.result;
        },
      }),
      watch: {
        onStart: (invocation, event) => {
          events.set(invocation, event);
          inactivityCheck.onStart(invocation, event);
          if (invocation.functionName === 'provision') subscriptionCheck.onProvisionStart(invocation);
        },
        onEnd: (invocation, outcome) => {
          this.history.add(invocation.name, `ended: ${outcome.kind}`, [...invocation.about]);
          inactivityCheck.onEnd(invocation, events.get(invocation), outcome);
          deliveryCheck.onEnd(invocation);
          if (invocation.functionName === 'provision') subscriptionCheck.onProvisionEnd(invocation);
        },
        // The archive goes by what the subscription asks for now.
        onReplay: (subscriptionId) => {
          for (const fact of facts.all()) fact.may.add(subscriptionId);
        },
        onPublishing: (invocation, details) => facts.onPublishing(invocation, details),
        onPublished: (invocation, source, detail) => {
          const { id, type, data } = JSON.parse(detail) as { id: string; type: string; data: object };
          this.history.add(invocation.name, `published ${type}`, [id, ...invocation.about], { source, ...data });
          facts.onPublished(invocation, source, detail);
        },
      },
    });
  }

  #endpointOf(url: string) {
    if (this.operators === undefined) throw new Error('nobody has an endpoint yet');
    return this.operators.endpointOf(url);
  }

  /** What the stack has besides the functions: the bus, the queues, and what leads from one to the other. */
  #deploy(): void {
    const { arn } = this.buses.createBus(busName);
    this.buses.createArchive({ name: 'archive', eventSourceArn: arn });
    this.#makeQueue('activity', 182);
    this.#makeQueue('history', 182);
    this.#makeQueue('timers', 60);
    this.#makeQueue('control', 1_800);
    this.#lead('activity', {
      source: [eventSources.drift, eventSources.retired],
      'detail-type': timerEventTypes,
      detail: { cause: [{ exists: false }] },
    });
    this.#lead('history', { source: Object.values(eventSources), 'replay-name': [{ exists: false }] });
    this.#consume('activity', 'track-activity', { batchSize: 100, maximumBatchingWindowSeconds: 2 });
    this.#consume('history', 'record-events', { batchSize: 100, maximumBatchingWindowSeconds: 2 });
    this.#consume('timers', 'emit-inactivity', { batchSize: 10 });
    this.#consume('control', 'provision', { batchSize: 10 });
  }

  /** A rule from the bus to the queue of that name, which lets it send. */
  #lead(name: string, pattern: object): void {
    const queue = this.queues.get(name);
    const { ruleArn } = this.buses.putRule({ name, bus: busName, eventPattern: JSON.stringify(pattern) });
    this.buses.putTargets(name, [{ id: 'queue', arn: queue.arn }], busName);
    queue.setAttributes({
      Policy: JSON.stringify({
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'events.amazonaws.com' },
            Action: 'sqs:SendMessage',
            Resource: queue.arn,
            Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
          },
        ],
      }),
    });
  }

  #makeQueue(name: string, visibilityTimeoutSeconds: number): Queue {
    const retention = String(fourteenDaysSeconds);
    const deadLetters = this.queues.create(`${name}-dead-letters`, { MessageRetentionPeriod: retention });
    return this.queues.create(name, {
      MessageRetentionPeriod: retention,
      VisibilityTimeout: String(visibilityTimeoutSeconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 5 }),
    });
  }

  #consume(
    queueName: string,
    functionName: string,
    settings: { readonly batchSize: number; readonly maximumBatchingWindowSeconds?: number },
  ): void {
    createSqsMapping({
      clock: this.scheduler,
      region,
      invoke: this.functions.invoke,
      queue: flakyQueue(this.queues.get(queueName), {
        scheduler: this.scheduler,
        random: this.#random,
        weather: this.weather,
      }),
      settings: { functionName, reportBatchItemFailures: true, ...settings },
    });
  }
}

/** As far as the policies of this system go: they allow one rule, by name, or nobody. */
function allowsRule(policy: string | undefined, ruleArn: string): boolean {
  return policy?.includes(`"aws:SourceArn":"${ruleArn}"`) ?? false;
}
