import {
  type FunctionSettings,
  type MappingSettings,
  type QueueAttributes,
  type RouteNames,
  subscriptionIdOf,
} from '../../lambdas/domain/routes/desired-route.ts';
import { type ExistingRoute, type RouteAction, ruleTargetId } from '../../lambdas/domain/routes/route-plan.ts';
import { type CompiledPattern, matches, parseEventPattern } from '../../lambdas/event-pattern/event-pattern.ts';
import { parseJson } from '../../lambdas/json/json.ts';
import type { DeliveryFunctions } from '../../lambdas/manage/ports.ts';
import type { ActionOutcome, RouteControlPlane } from '../../lambdas/provision/ports.ts';
import { EngineError } from '../../local/aws/engine/engine-error.ts';
import type { EventBuses } from '../../local/aws/engine/event-bus.ts';
import type { EventSourceMapping, Invoke } from '../../local/aws/engine/event-source-mapping.ts';
import type { Queue } from '../../local/aws/engine/queue.ts';
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
/** SQS takes so long to delete a queue at most, and may answer meanwhile as if it were there. */
const maxDyingMs = 60_000;
/** The adapter waits so long for a function that is changing before it says `later`. */
const functionPatienceMs = 31_500;
/** A new rule, or a new pattern of one, matches after so long at the latest; the product waits 30 s. */
const maxRuleLatenessMs = 25_000;
/** The adapter waits so long for a mapping that is changing before it says `later`. */
const mappingPatienceMs = [1_000, 2_000, 4_000];

/** Rules, queues, functions and mappings of routes: those of the local engine, and Lambda's part in memory. */
export class ControlPlane {
  readonly functions = new Map<string, FunctionSettings>();
  readonly mappings = new Map<string, RouteMapping>();
  readonly #options: Options;
  /** Queues that were deleted and still answer. */
  readonly #dying = new Map<
    string,
    { readonly queue: Queue; readonly attributes: QueueAttributes; readonly until: number }
  >();
  /** Functions that Lambda is making or changing. */
  readonly #changing = new Map<string, number>();
  /** Functions whose last update was given up. */
  readonly #givenUp = new Set<string>();
  /** Rules that do not match by their new pattern yet, each with the one that it had before. */
  readonly #late = new Map<string, { readonly former: CompiledPattern | undefined; readonly until: number }>();
  #made = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Whether a rule that has just been put lets an event through already. */
  letsThrough(ruleArn: string, event: string): boolean {
    const late = this.#late.get(ruleArn.slice(ruleArn.lastIndexOf('/') + 1));
    if (late === undefined || this.#options.scheduler.now() >= late.until) return true;
    return late.former !== undefined && matches(late.former, parseJson(event));
  }

  /** The ids of all subscriptions for which anything exists. */
  owners(): Set<string> {
    return new Set(this.#names().flatMap((name) => subscriptionIdOf(this.#options.prefix, name) ?? []));
  }

  stop(): void {
    for (const { mapping } of this.mappings.values()) void mapping.delete();
  }

  deliveryFunctionsFor(invocation: Invocation): DeliveryFunctions {
    return {
      resend: (id, message) => this.#invoke(invocation, `${this.#options.prefix}-${id}`, { resend: message }),
    };
  }

  /** Lambda may do it twice. */
  #invoke(invocation: Invocation, functionName: string, payload: unknown): Promise<void> {
    const { invokeAsync } = this.#options;
    return invocation.call('Invoke', () => {
      invokeAsync(functionName, JSON.stringify(payload));
      if (invocation.strikes('invoked-twice')) invokeAsync(functionName, JSON.stringify(payload));
    });
  }

  portFor(invocation: Invocation): RouteControlPlane {
    const { queues } = this.#options;
    return {
      describe: (names) => this.#describe(invocation, names),
      apply: (action) => this.#apply(invocation, action),
      subscriptionIds: () => this.#subscriptionIds(invocation),
      invoke: (functionName, payload) => this.#invoke(invocation, functionName, payload),
      unreservedConcurrency: () => invocation.call('GetAccountSettings', () => 1_000),
      depths: (ids) =>
        invocation.call('GetQueueAttributes depths', () =>
          ids.map((id) => {
            const own = queues.find(`${this.#options.prefix}-${id}`)?.counts();
            const dead = queues.find(`${this.#options.prefix}-${id}-dlq`)?.counts();
            return { waiting: own?.visible ?? 0, inFlight: own?.inFlight ?? 0, deadLetters: dead?.visible ?? 0 };
          }),
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
    const [rule, queue, deadLetterQueue, deliverFunction, mappings] = await Promise.all([
      invocation.call('DescribeRule', () => this.#describeRule(names.rule)),
      invocation.call('GetQueueAttributes', () => this.#describeQueue(names.queue)),
      invocation.call('GetQueueAttributes', () => this.#describeQueue(names.deadLetterQueue)),
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

  #describeQueue(name: string): QueueAttributes | undefined {
    return this.#options.queues.find(name)?.readAttributes() ?? this.#dyingQueue(name)?.attributes;
  }

  #dyingQueue(name: string) {
    const dying = this.#dying.get(name);
    return dying !== undefined && dying.until > this.#options.scheduler.now() ? dying : undefined;
  }

  #describeFunction(name: string): ExistingRoute['deliverFunction'] {
    const found = this.functions.get(name);
    if (found === undefined) return undefined;
    const { code: _, architecture: __, ...settings } = found;
    const description = this.#givenUp.has(name) ? '' : settings.description;
    return { ...settings, description, failed: false };
  }

  #describeMappings(queueName: string): ExistingRoute['mappings'] {
    const now = this.#options.scheduler.now();
    return [...this.mappings]
      .filter(([, mapping]) => mapping.queueName === queueName)
      .map(([mappingId, { mapping, settings, changingUntil }]) => ({
        mappingId,
        ...settings,
        enabled: changingUntil > now ? undefined : settings.enabled,
        modifiedAt: mapping.lastModified(),
        lastResult: mapping.lastProcessingResult(),
      }));
  }

  async #apply(invocation: Invocation, action: RouteAction): Promise<ActionOutcome> {
    if (invocation.strikes('busy-control-plane')) {
      invocation.note(`${action.kind}: later`);
      return { kind: 'later', reason: 'injected', retryAfterSeconds: 15 };
    }
    if (action.kind === 'create-function') {
      const outcome = await invocation.call(action.kind, () => this.#act(action));
      return outcome.kind === 'done' ? this.#settle(invocation, action.name) : outcome;
    }
    if (isFunctionUpdate(action)) {
      const before = await this.#settle(invocation, action.name);
      if (before.kind !== 'done') return before;
      const isGivenUp = invocation.strikes('failed-update');
      if (isGivenUp) invocation.note(`${action.kind}: given up`);
      await invocation.call(action.kind, () => (isGivenUp ? this.#giveUp(action.name) : this.#act(action)));
      const after = await this.#settle(invocation, action.name);
      if (after.kind !== 'done' || !this.#givenUp.has(action.name)) return after;
      return { kind: 'later', reason: 'Lambda could not change the function', retryAfterSeconds: 60 };
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

  /** As the adapter looks until a function is settled. */
  async #settle(invocation: Invocation, name: string): Promise<ActionOutcome> {
    const waitMs = (this.#changing.get(name) ?? 0) - this.#options.scheduler.now();
    await invocation.sleep(Math.min(functionPatienceMs, Math.max(0, waitMs)));
    return waitMs <= functionPatienceMs
      ? done
      : { kind: 'later', reason: 'Lambda is still making the delivery function', retryAfterSeconds: 15 };
  }

  #startChange(name: string): void {
    const { random, scheduler } = this.#options;
    const takesMs = random.chance(0.05) ? random.integer(5_000, 60_000) : random.integer(500, 5_000);
    this.#changing.set(name, scheduler.now() + takesMs);
  }

  #giveUp(name: string): ActionOutcome {
    this.#startChange(name);
    this.#givenUp.add(name);
    return done;
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
        if (this.#dyingQueue(action.name) === undefined) queues.get(action.name).setAttributes(action.attributes);
        return done;
      case 'delete-queue':
        this.#deleteQueue(action.name);
        return done;
      case 'put-rule':
        this.#delayRule(action.name, unlessGone(() => buses.describeRule(action.name, busName))?.eventPattern);
        buses.putRule({ name: action.name, bus: busName, eventPattern: action.pattern });
        return done;
      case 'put-target': {
        const { queueArn, deadLetterArn } = action.target;
        if (buses.listTargets(action.rule, busName).length === 0) this.#delayRule(action.rule, undefined);
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
        if (!this.functions.has(action.name)) {
          this.functions.set(action.name, action.settings);
          this.#startChange(action.name);
        }
        return done;
      case 'update-function-description':
      case 'update-function-code':
      case 'update-function-settings': {
        const there = this.functions.get(action.name);
        if (there === undefined) throw new Error(`no function ${action.name}`);
        this.functions.set(action.name, updated(there, action));
        this.#startChange(action.name);
        this.#givenUp.delete(action.name);
        return done;
      }
      case 'allow-loops':
        if (!this.functions.has(action.name)) throw new Error(`no function ${action.name}`);
        return done;
      case 'delete-function':
        this.functions.delete(action.name);
        this.#changing.delete(action.name);
        this.#givenUp.delete(action.name);
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

  #delayRule(name: string, formerPattern: string | undefined): void {
    const { random, scheduler } = this.#options;
    const former = formerPattern === undefined ? undefined : parseEventPattern(parseJson(formerPattern));
    this.#late.set(name, {
      former: former?.kind === 'pattern' ? former.pattern : undefined,
      until: scheduler.now() + random.integer(0, maxRuleLatenessMs),
    });
  }

  #deleteQueue(name: string): void {
    const { queues, random, scheduler } = this.#options;
    const queue = queues.find(name);
    if (queue === undefined) return;
    const attributes = queue.readAttributes();
    queues.delete(name);
    this.#dying.set(name, { queue, attributes, until: scheduler.now() + random.integer(0, maxDyingMs) });
  }

  #createMapping(queueName: string, functionName: string, settings: MappingSettings): ActionOutcome {
    const { queues, invoke, region, scheduler } = this.#options;
    if (!this.functions.has(functionName)) throw new Error(`no function ${functionName}`);
    const queue = this.#dyingQueue(queueName)?.queue ?? queues.get(queueName);
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

type FunctionUpdate = Extract<RouteAction, { readonly kind: `update-function-${string}` }>;

function isFunctionUpdate(action: RouteAction): action is FunctionUpdate {
  return action.kind.startsWith('update-function-');
}

function updated(there: FunctionSettings, action: FunctionUpdate): FunctionSettings {
  switch (action.kind) {
    case 'update-function-description':
      return { ...there, description: action.description };
    case 'update-function-code':
      return { ...there, code: action.settings.code };
    case 'update-function-settings':
      return { ...action.settings, code: there.code };
    default:
      throw action satisfies never;
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
