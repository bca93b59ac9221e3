import {
  type FunctionSettings,
  type MappingSettings,
  type RouteNames,
  subscriptionIdOf,
} from '../../lambdas/domain/routes/desired-route.ts';
import { type ExistingRoute, type RouteAction, ruleTargetId } from '../../lambdas/domain/routes/route-plan.ts';
import type { ActionOutcome, RouteControlPlane } from '../../lambdas/provision/ports.ts';
import { EngineError } from '../../local/aws/engine/engine-error.ts';
import type { EventBuses } from '../../local/aws/engine/event-bus.ts';
import type { EventSourceMapping, Invoke } from '../../local/aws/engine/event-source-mapping.ts';
import type { Queues } from '../../local/aws/engine/queues.ts';
import { createSqsMapping } from '../../local/aws/engine/sqs-mapping.ts';
import type { FaultWeather } from './fault-weather.ts';
import { flakyQueue } from './flaky-queue.ts';
import type { Invocation } from './invocation.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

interface RouteMapping {
  readonly mapping: EventSourceMapping;
  settings: MappingSettings;
  readonly queueName: string;
  readonly functionName: string;
  /** While it is changing no other change is taken, and its state names no direction. */
  changingUntil: number;
}

interface Options {
  readonly prefix: string;
  readonly busName: string;
  readonly region: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: FaultWeather;
  readonly buses: EventBuses;
  readonly queues: Queues;
  /** Of a subscriber's queue. */
  readonly maxInFlight: number;
  readonly invoke: Invoke;
  readonly invokeAsync: (functionName: string, payload: string) => void;
}

const done: ActionOutcome = { kind: 'done' };
/** The adapter waits so long for a mapping that is changing before it says `later`. */
const mappingPatienceMs = [1_000, 2_000, 4_000];

/** Rules, queues, functions and mappings of routes: those of the local engine, and Lambda's part in memory. */
export class ControlPlane {
  readonly functions = new Map<string, FunctionSettings>();
  readonly mappings = new Map<string, RouteMapping>();
  readonly #options: Options;
  #made = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The ids of all subscriptions for which anything exists. */
  owners(): Set<string> {
    return new Set(this.#names().flatMap((name) => subscriptionIdOf(this.#options.prefix, name) ?? []));
  }

  stop(): void {
    for (const { mapping } of this.mappings.values()) void mapping.delete();
  }

  portFor(invocation: Invocation): RouteControlPlane {
    const { queues, invokeAsync } = this.#options;
    return {
      describe: (names) => this.#describe(invocation, names),
      apply: (action) => this.#apply(invocation, action),
      subscriptionIds: () => this.#subscriptionIds(invocation),
      invoke: (functionName, payload) =>
        invocation.call('Invoke', () => {
          invokeAsync(functionName, JSON.stringify(payload));
          if (invocation.strikes('invoked-twice')) invokeAsync(functionName, JSON.stringify(payload));
        }),
      unreservedConcurrency: () => invocation.call('GetAccountSettings', () => 1_000),
      countDeadLetters: (ids) =>
        invocation.call('GetQueueAttributes dead letters', () =>
          ids.reduce((sum, id) => sum + (queues.find(`${this.#options.prefix}-${id}-dlq`)?.counts().visible ?? 0), 0),
        ),
    };
  }

  #names(): string[] {
    const { buses, busName, prefix, queues } = this.#options;
    return [
      ...buses.listRules(busName, `${prefix}-`).map(({ name }) => name),
      ...queues.list(`${prefix}-`).map(({ name }) => name),
      ...this.functions.keys(),
      ...[...this.mappings.values()].map(({ queueName }) => queueName),
    ];
  }

  async *#subscriptionIds(invocation: Invocation): AsyncIterable<readonly string[]> {
    yield await invocation.call('List routes', () => [...this.owners()]);
  }

  /** Five looks, each at a moment of its own: what another run does meanwhile may be seen in part. */
  async #describe(invocation: Invocation, names: RouteNames): Promise<ExistingRoute> {
    await invocation.sleep(this.#patienceMs());
    const { queues } = this.#options;
    const [rule, queue, deadLetterQueue, deliverFunction, mappings] = await Promise.all([
      invocation.call('DescribeRule', () => this.#describeRule(names.rule)),
      invocation.call('GetQueueAttributes', () => queues.find(names.queue)?.readAttributes()),
      invocation.call('GetQueueAttributes', () => queues.find(names.deadLetterQueue)?.readAttributes()),
      invocation.call('GetFunction', () => this.#describeFunction(names.deliverFunction)),
      invocation.call('ListEventSourceMappings', () => this.#describeMappings(names.queue)),
    ]);
    return {
      ...(rule === undefined ? {} : { rule }),
      ...(queue === undefined ? {} : { queue }),
      ...(deadLetterQueue === undefined ? {} : { deadLetterQueue }),
      ...(deliverFunction === undefined ? {} : { deliverFunction }),
      mappings,
    };
  }

  #describeRule(name: string): ExistingRoute['rule'] {
    const { buses, busName } = this.#options;
    const rule = unlessGone(() => buses.describeRule(name, busName));
    if (rule === undefined) return undefined;
    return {
      pattern: rule.eventPattern ?? '',
      enabled: rule.state === 'ENABLED',
      targets: buses.listTargets(name, busName).map(({ id, arn, deadLetterArn }) => ({
        id,
        queueArn: arn,
        ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
      })),
    };
  }

  #describeFunction(name: string): ExistingRoute['deliverFunction'] {
    const found = this.functions.get(name);
    if (found === undefined) return undefined;
    const { code: _, architecture: __, ...settings } = found;
    return { ...settings, failed: false };
  }

  #describeMappings(queueName: string): ExistingRoute['mappings'] {
    const now = this.#options.scheduler.now();
    return [...this.mappings]
      .filter(([, mapping]) => mapping.queueName === queueName)
      .map(([mappingId, { settings, changingUntil }]) => ({
        mappingId,
        ...settings,
        enabled: changingUntil > now ? undefined : settings.enabled,
      }));
  }

  async #apply(invocation: Invocation, action: RouteAction): Promise<ActionOutcome> {
    if (invocation.strikes('busy-control-plane')) {
      invocation.note(`${action.kind}: later`);
      return { kind: 'later', reason: 'injected', retryAfterSeconds: 15 };
    }
    if (action.kind === 'create-function') {
      const outcome = await invocation.call(action.kind, () => this.#act(action));
      await invocation.sleep(this.#options.random.integer(1_000, 5_000));
      return outcome;
    }
    await invocation.sleep(this.#patienceMs());
    if (action.kind !== 'update-mapping' && action.kind !== 'delete-mapping') {
      return invocation.call(action.kind, () => this.#act(action));
    }
    for (const waitMs of [...mappingPatienceMs, undefined]) {
      const outcome = await invocation.call(action.kind, () => this.#act(action));
      if (outcome.kind === 'done' || waitMs === undefined) return outcome;
      await invocation.sleep(waitMs);
    }
    throw new Error('unreachable');
  }

  #act(action: RouteAction): ActionOutcome {
    const { buses, busName, queues } = this.#options;
    switch (action.kind) {
      case 'create-queue':
        try {
          queues.create(action.name, action.attributes);
        } catch (error) {
          if (isError(error, 'QueueNameExists')) queues.get(action.name).setAttributes(action.attributes);
          else if (isError(error, 'QueueDeletedRecently')) {
            return { kind: 'later', reason: 'a queue of this name was deleted just now', retryAfterSeconds: 60 };
          } else throw error;
        }
        return done;
      case 'set-queue-attributes':
        queues.get(action.name).setAttributes(action.attributes);
        return done;
      case 'delete-queue':
        if (queues.find(action.name) !== undefined) queues.delete(action.name);
        return done;
      case 'put-rule':
        buses.putRule({ name: action.name, bus: busName, eventPattern: action.pattern });
        return done;
      case 'put-target': {
        const { queueArn, deadLetterArn } = action.target;
        buses.putTargets(action.rule, [{ id: ruleTargetId, arn: queueArn, deadLetterArn }], busName);
        return done;
      }
      case 'remove-targets':
        unlessGone(() => buses.removeTargets(action.rule, action.targetIds, busName));
        return done;
      case 'delete-rule':
        buses.deleteRule(action.name, busName);
        return done;
      case 'create-function':
        if (!this.functions.has(action.name)) this.functions.set(action.name, action.settings);
        return done;
      case 'update-function-code':
      case 'update-function-settings':
        if (!this.functions.has(action.name)) throw new Error(`no function ${action.name}`);
        this.functions.set(action.name, action.settings);
        return done;
      case 'allow-loops':
        if (!this.functions.has(action.name)) throw new Error(`no function ${action.name}`);
        return done;
      case 'delete-function':
        this.functions.delete(action.name);
        return done;
      case 'create-mapping':
        return this.#createMapping(action.queueArn.split(':').at(-1) ?? '', action.functionName, action.settings);
      case 'update-mapping':
        return this.#changeMapping(action.mappingId, (route) => {
          const { enabled, maximumConcurrency, batchingWindowSeconds: maximumBatchingWindowSeconds } = action.settings;
          route.settings = action.settings;
          // Until then it reads on as before.
          this.#options.scheduler.setTimer(route.changingUntil, () => {
            if (!this.mappings.has(action.mappingId)) return;
            route.mapping.update({ enabled, maximumConcurrency, maximumBatchingWindowSeconds });
          });
        });
      case 'delete-mapping':
        if (!this.mappings.has(action.mappingId)) return done;
        return this.#changeMapping(action.mappingId, (route) => {
          this.mappings.delete(action.mappingId);
          void route.mapping.delete();
        });
      default:
        throw action satisfies never;
    }
  }

  #createMapping(queueName: string, functionName: string, settings: MappingSettings): ActionOutcome {
    const { queues, invoke, region, scheduler } = this.#options;
    if (!this.functions.has(functionName)) throw new Error(`no function ${functionName}`);
    const queue = queues.get(queueName);
    if ([...this.mappings.values()].some((other) => other.queueName === queueName)) return done;
    const mapping = createSqsMapping({
      clock: scheduler,
      region,
      invoke,
      queue: flakyQueue(queue, { ...this.#options, isUnordered: true }),
      uuid: `mapping-${++this.#made}`,
      settings: {
        functionName,
        enabled: settings.enabled,
        batchSize: settings.batchSize,
        maximumConcurrency: settings.maximumConcurrency,
        maximumBatchingWindowSeconds: settings.batchingWindowSeconds,
        reportBatchItemFailures: true,
      },
    });
    this.mappings.set(mapping.uuid, { mapping, settings, queueName, functionName, changingUntil: this.#settledAt() });
    return done;
  }

  #changeMapping(mappingId: string, change: (route: RouteMapping) => void): ActionOutcome {
    const route = this.mappings.get(mappingId);
    if (route === undefined) throw new Error(`no mapping ${mappingId}`);
    if (route.changingUntil > this.#options.scheduler.now()) {
      return { kind: 'later', reason: 'the mapping is still changing', retryAfterSeconds: 15 };
    }
    route.changingUntil = this.#settledAt();
    change(route);
    return done;
  }

  /** Control planes throttle early, and the product's clients wait and try again. */
  #patienceMs(): number {
    const { random } = this.#options;
    return random.chance(0.15) ? random.spread(1_000, 15_000) : random.spread(5, 100);
  }

  #settledAt(): number {
    return this.#options.scheduler.now() + this.#options.random.integer(500, 6_000);
  }
}

function unlessGone<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    if (isError(error, 'ResourceNotFoundException')) return undefined;
    throw error;
  }
}

function isError(error: unknown, code: string): boolean {
  return error instanceof EngineError && error.code === code;
}
