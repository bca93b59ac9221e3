import { randomUUID } from 'node:crypto';
import {
  type CompiledPattern,
  matches,
  parseEventPattern,
  usesWildcard,
} from '../../../lambdas/event-pattern/event-pattern.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../../lambdas/json/json.ts';
import { type Archive, createArchivedEvents } from './archive.ts';
import type { EngineClock } from './engine-clock.ts';
import { EngineError } from './engine-error.ts';
import {
  type BusEvent,
  type EventEntry,
  envelopeText,
  envelopeValue,
  faultOfEntry,
  parseDetail,
  type Refusal,
} from './event-envelope.ts';
import { type Measure, measureNothing } from './measure.ts';
import { indexPatterns, type PatternIndex } from './pattern-index.ts';
import { parseSchedule } from './schedule.ts';
import { validTraceHeader } from './trace-header.ts';

/** The event buses of one account and region: rules, targets, schedules, archives and replays. */
export interface EventBuses {
  createBus(name: string, description?: string): EventBus;
  /** By name or ARN; none: `default`, which is always there. Throws `ResourceNotFoundException`. */
  bus(nameOrArn?: string): EventBus;
  listBuses(): EventBus[];
  /** With its rules and archives. The default bus cannot be deleted. */
  deleteBus(nameOrArn: string): void;

  /**
   * Makes a rule or replaces all of it but its targets. Throws `InvalidEventPatternException`,
   * `LimitExceededException`, `ValidationException`.
   */
  putRule(rule: RuleInput): { readonly ruleArn: string };
  describeRule(name: string, bus?: string): RuleDescription;
  listRules(bus?: string, namePrefix?: string): RuleDescription[];
  /** Quiet where the rule is not there. Throws `ValidationException` while it has targets. */
  deleteRule(name: string, bus?: string): void;
  enableRule(name: string, bus?: string): void;
  disableRule(name: string, bus?: string): void;
  putTargets(rule: string, targets: readonly RuleTarget[], bus?: string): void;
  removeTargets(rule: string, targetIds: readonly string[], bus?: string): void;
  listTargets(rule: string, bus?: string): RuleTarget[];
  /** Fires a rule that has a schedule now, beside its own times. Throws `ResourceNotFoundException`. */
  fireSchedule(rule: string): void;
  ruleNamesByTarget(targetArn: string, bus?: string): string[];

  /** As PutEvents, after the request's own limits. One answer per entry, in order. */
  putEvents(entries: readonly EventEntry[]): PutEventsAnswer[];
  /** Both JSON text. Throws `InvalidEventPatternException`, `ValidationException` for the event. */
  testEventPattern(pattern: string, event: string): boolean;

  createArchive(archive: ArchiveInput): ArchiveDescription;
  describeArchive(name: string): ArchiveDescription;
  listArchives(): ArchiveDescription[];
  deleteArchive(name: string): void;
  startReplay(replay: ReplayInput): ReplayDescription;
  describeReplay(name: string): ReplayDescription;
  listReplays(filter?: ReplayFilter): ReplayDescription[];
  cancelReplay(name: string): ReplayDescription;

  /** Of rules and buses, by ARN; changes are kept. Throws `ResourceNotFoundException`. */
  tagsOf(arn: string): Map<string, string>;
  /** Resolves once every delivery that is under way, retries excepted, has been handed to its target. */
  settled(): Promise<void>;
  /** Stops schedules, replays and retries. */
  stop(): void;
}

export interface EventBusesOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  /** Hands one event to one target; see target-delivery.ts for queues and functions. */
  readonly deliver: DeliverToTarget;
  /** Told of each event that reached neither its target nor the target's dead-letter queue. */
  readonly onDropped: (delivery: TargetDelivery, why: FailedDelivery) => void;
  /** EventBridge's default quota is 300; adjustable. */
  readonly rulesPerBus?: number;
  /** EventBridge allows 30 rules with `wildcard` in their pattern on a bus. */
  readonly wildcardRulesPerBus?: number;
  /** What an archive keeps at the most; then the oldest events go. Default 64 MiB. */
  readonly archiveBytes?: number;
  readonly newId?: () => string;
  /** Spreads retries, 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
  readonly measure?: Measure | undefined;
}

export type DeliverToTarget = (delivery: TargetDelivery) => DeliveryResult | Promise<DeliveryResult>;

export interface TargetDelivery {
  readonly ruleArn: string;
  /** The target's, or its dead-letter queue's. */
  readonly targetArn: string;
  /** The event's envelope, or the target's constant `Input`. */
  readonly payload: string;
  /** X-Ray's, of who put the event. */
  readonly traceHeader?: string;
  /** For the dead-letter queue only: why the target did not get it. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** `rejected`: trying again is no use (the target is gone, or does not allow it). */
export interface FailedDelivery {
  readonly kind: 'failed' | 'rejected';
  readonly errorCode: string;
  readonly errorMessage: string;
}

export type DeliveryResult = { readonly kind: 'delivered' } | FailedDelivery;

export interface EventBus {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
  readonly createdAt: number;
}

export interface RuleInput {
  readonly name: string;
  readonly bus?: string | undefined;
  /** JSON text. */
  readonly eventPattern?: string | undefined;
  /** `rate(…)` or `cron(…)`; on the default bus only. */
  readonly scheduleExpression?: string | undefined;
  readonly state?: 'ENABLED' | 'DISABLED' | undefined;
  readonly description?: string | undefined;
  readonly roleArn?: string | undefined;
  /** Of a new rule; of one that is there they stay as they are. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export interface RuleDescription {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  readonly eventPattern?: string;
  readonly scheduleExpression?: string;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly description?: string;
  readonly roleArn?: string;
}

export interface RuleTarget {
  readonly id: string;
  readonly arn: string;
  /** Constant JSON text in place of the event. */
  readonly input?: string;
  readonly roleArn?: string;
  readonly deadLetterArn?: string;
  /** 60 to 86,400, default 86,400. */
  readonly maximumEventAgeSeconds?: number;
  /** 0 to 185, default 185. */
  readonly maximumRetryAttempts?: number;
}

export type { EventEntry } from './event-envelope.ts';

export type PutEventsAnswer =
  | { readonly kind: 'accepted'; readonly eventId: string }
  | ({ readonly kind: 'refused' } & Refusal);

export interface ArchiveInput {
  readonly name: string;
  /** ARN of the bus. */
  readonly eventSourceArn: string;
  readonly eventPattern?: string;
  /** 0: for ever. */
  readonly retentionDays?: number;
  readonly description?: string;
}

export interface ArchiveDescription extends ArchiveInput {
  readonly arn: string;
  readonly state: 'ENABLED';
  readonly retentionDays: number;
  readonly createdAt: number;
  readonly eventCount: number;
  readonly sizeBytes: number;
}

export interface ReplayInput {
  readonly name: string;
  /** ARN of the archive. */
  readonly eventSourceArn: string;
  /** ARN of the bus, which is the archive's own. */
  readonly destinationArn: string;
  /** ARNs of the rules that get the events; absent or empty: all. */
  readonly filterArns?: readonly string[];
  /** Epoch milliseconds; events from `startTime` on and before `endTime`. */
  readonly startTime: number;
  readonly endTime: number;
  readonly description?: string;
}

export interface ReplayDescription extends ReplayInput {
  readonly arn: string;
  readonly state: 'STARTING' | 'RUNNING' | 'CANCELLING' | 'COMPLETED' | 'CANCELLED' | 'FAILED';
  readonly lastReplayedTime?: number;
  readonly startedAt: number;
  readonly endedAt?: number;
}

export interface ReplayFilter {
  readonly namePrefix?: string | undefined;
  readonly state?: string | undefined;
  readonly eventSourceArn?: string | undefined;
}

interface Rule extends RuleDescription {
  readonly compiledPattern?: CompiledPattern;
  readonly targets: Map<string, RuleTarget>;
  readonly tags: Map<string, string>;
  readonly cancelSchedule: () => void;
}

interface BusState {
  readonly bus: EventBus;
  readonly rules: Map<string, Rule>;
  readonly tags: Map<string, string>;
  /** Of the enabled rules; made again when one changed. */
  index: PatternIndex<Rule> | undefined;
}

interface Replay {
  description: ReplayDescription;
  cancel: () => void;
}

// docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const maxPattern = 2048;
const targetsPerRule = 5;
const replaysAtOnce = 10;
// So that a replay of many events does not hold up what goes on meanwhile.
const replayedAtOnce = 100;
// docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
const defaultRetryAttempts = 185;
const defaultEventAgeSeconds = 86_400;
const maxRetryDelayMs = 600_000;

const ruleNameForm = /^[\w.-]{1,64}$/;
const defaultBusName = 'default';

export function createEventBuses({
  clock,
  region,
  accountId,
  deliver,
  onDropped,
  rulesPerBus = 300,
  wildcardRulesPerBus = 30,
  archiveBytes = 64 * 1024 * 1024,
  newId = randomUUID,
  random = Math.random,
  measure = measureNothing,
}: EventBusesOptions): EventBuses {
  const arnPrefix = `arn:aws:events:${region}:${accountId}:`;
  const origin = { region, accountId };
  const states = new Map<string, BusState>();
  const archives = new Map<string, Archive>();
  const replays = new Map<string, Replay>();
  const retries = new Set<() => void>();
  const underWay = new Set<Promise<void>>();
  let isStopped = false;

  const stateOf = (nameOrArn: string = defaultBusName): BusState => {
    const prefix = `${arnPrefix}event-bus/`;
    const name = nameOrArn.startsWith(prefix) ? nameOrArn.slice(prefix.length) : nameOrArn;
    const state = states.get(name);
    if (state === undefined) throw notFound(`Event bus ${nameOrArn} does not exist.`);
    return state;
  };
  const ruleOf = (name: string, bus?: string): { readonly state: BusState; readonly rule: Rule } => {
    const state = stateOf(bus);
    const rule = state.rules.get(name);
    if (rule === undefined) throw notFound(`Rule ${name} does not exist on EventBus ${state.bus.name}.`);
    return { state, rule };
  };
  const keep = (state: BusState, rule: Rule) => {
    state.rules.set(rule.name, rule);
    state.index = undefined;
  };

  const addBus = (name: string, description?: string): EventBus => {
    const bus: EventBus = {
      name,
      arn: `${arnPrefix}event-bus/${name}`,
      createdAt: clock.now(),
      ...(description === undefined ? {} : { description }),
    };
    states.set(name, { bus, rules: new Map(), tags: new Map(), index: undefined });
    return bus;
  };
  addBus(defaultBusName);

  const track = (work: Promise<void>) => {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html */
  const measureRule = ({ busName, name }: Rule, metric: string): void => {
    const onBus = busName === defaultBusName ? {} : { EventBusName: busName };
    measure('AWS/Events', metric, { ...onBus, RuleName: name }, 1);
  };

  /** Hands an event to a target; where that fails, again later; where that is no use, to the dead-letter queue. */
  const send = (rule: Rule, target: RuleTarget, delivery: TargetDelivery, attempt: number, since: number): void => {
    if (attempt === 0) measureRule(rule, 'Invocations');
    const settle = (result: DeliveryResult) => {
      if (result.kind !== 'delivered') exhaustOrRetry(rule, target, delivery, result, attempt, since);
    };
    const result = attemptDelivery(delivery);
    if (result instanceof Promise) track(result.then(settle));
    else settle(result);
  };
  const attemptDelivery = (delivery: TargetDelivery): DeliveryResult | Promise<DeliveryResult> => {
    try {
      const result = deliver(delivery);
      return result instanceof Promise ? result.catch(internalError) : result;
    } catch (error) {
      return internalError(error);
    }
  };
  const exhaustOrRetry = (
    rule: Rule,
    target: RuleTarget,
    delivery: TargetDelivery,
    why: FailedDelivery,
    attempt: number,
    since: number,
  ): void => {
    const maxAttempts = target.maximumRetryAttempts ?? defaultRetryAttempts;
    const until = since + (target.maximumEventAgeSeconds ?? defaultEventAgeSeconds) * 1000;
    const delayMs = Math.min(maxRetryDelayMs, 1000 * 2 ** attempt) * (1 + random() / 4);
    const retryAt = clock.now() + delayMs;
    if (why.kind === 'failed' && attempt < maxAttempts && retryAt <= until) {
      if (isStopped) return;
      const cancel = clock.setTimer(retryAt, () => {
        retries.delete(cancel);
        send(rule, target, delivery, attempt + 1, since);
      });
      retries.add(cancel);
      return;
    }
    measureRule(rule, 'FailedInvocations');
    if (target.deadLetterArn === undefined) {
      onDropped(delivery, why);
      return;
    }
    // docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    const attributes: Record<string, string> = {
      RULE_ARN: rule.arn,
      TARGET_ARN: target.arn,
      ERROR_CODE: why.errorCode,
      ERROR_MESSAGE: why.errorMessage,
      RETRY_ATTEMPTS: String(attempt),
    };
    if (why.kind === 'failed') {
      attributes.EXHAUSTED_RETRY_CONDITION =
        attempt < maxAttempts ? 'MaximumEventAgeInSeconds' : 'MaximumRetryAttempts';
    }
    const toDeadLetterQueue: TargetDelivery = { ...delivery, targetArn: target.deadLetterArn, attributes };
    const settle = (result: DeliveryResult) => {
      if (result.kind !== 'delivered') onDropped(toDeadLetterQueue, result);
    };
    const result = attemptDelivery(toDeadLetterQueue);
    if (result instanceof Promise) track(result.then(settle));
    else settle(result);
  };

  const sendToTargets = (rule: Rule, eventText: string, traceHeader?: string): void => {
    const now = clock.now();
    const trace = traceHeader === undefined ? {} : { traceHeader };
    for (const target of rule.targets.values()) {
      const payload = target.input ?? eventText;
      send(rule, target, { ruleArn: rule.arn, targetArn: target.arn, payload, ...trace }, 0, now);
    }
  };

  const route = (
    state: BusState,
    event: BusEvent,
    detail: JsonObject,
    replay?: { readonly name: string; readonly ruleArns: ReadonlySet<string> },
    traceHeader?: string,
  ): void => {
    const value = envelopeValue(event, detail, origin, replay?.name);
    state.index ??= indexPatterns(patternsOf(state));
    let text: string | undefined;
    for (const rule of state.index.match(value)) {
      if (replay !== undefined && replay.ruleArns.size > 0 && !replay.ruleArns.has(rule.arn)) continue;
      text ??= envelopeText(event, origin, replay?.name);
      sendToTargets(rule, text, traceHeader);
    }
    if (replay !== undefined) return;
    for (const archive of archives.values()) {
      if (archive.busName !== state.bus.name) continue;
      if (archive.compiledPattern === undefined || matches(archive.compiledPattern, value)) {
        if (archive.retentionDays > 0) archive.events.dropBefore(clock.now() - archive.retentionDays * 86_400_000);
        archive.events.add(event);
      }
    }
  };

  /** Fires a rule by its schedule until that is cancelled. */
  const startSchedule = (ruleName: string, expression: string): (() => void) => {
    const schedule = parseSchedule(expression);
    if (schedule.kind === 'invalid') throw validation(`Parameter ScheduleExpression is not valid: ${schedule.reason}.`);
    const startedAt = clock.now();
    let cancel = () => {};
    const arm = () => {
      const at = schedule.next(clock.now(), startedAt);
      if (at === undefined) return;
      cancel = clock.setTimer(at, () => {
        const rule = states.get(defaultBusName)?.rules.get(ruleName);
        if (rule === undefined || isStopped) return;
        arm();
        sendScheduled(rule, at);
      });
    };
    arm();
    return () => cancel();
  };
  const sendScheduled = (rule: Rule, at: number): void => {
    const event: BusEvent = {
      id: newId(),
      source: 'aws.events',
      detailType: 'Scheduled Event',
      resources: [rule.arn],
      time: at,
      detailText: '{}',
    };
    sendToTargets(rule, envelopeText(event, origin));
  };

  const checkQuotas = (state: BusState, name: string, pattern: CompiledPattern | undefined) => {
    const others = [...state.rules.values()].filter((rule) => rule.name !== name);
    if (others.length >= rulesPerBus) {
      throw new EngineError(
        'LimitExceededException',
        `The requested resource exceeds the maximum number allowed: ${rulesPerBus} rules on the event bus ${state.bus.name}.`,
      );
    }
    if (pattern === undefined || !usesWildcard(pattern)) return;
    const wildcards = others.filter(
      ({ compiledPattern }) => compiledPattern !== undefined && usesWildcard(compiledPattern),
    );
    if (wildcards.length >= wildcardRulesPerBus) {
      throw new EngineError(
        'LimitExceededException',
        `The requested resource exceeds the maximum number allowed: ${wildcardRulesPerBus} rules with wildcard on the event bus ${state.bus.name}.`,
      );
    }
  };

  const setState = (name: string, bus: string | undefined, state: 'ENABLED' | 'DISABLED') => {
    const { state: busState, rule } = ruleOf(name, bus);
    if (rule.state === state) return;
    rule.cancelSchedule();
    const cancelSchedule =
      state === 'ENABLED' && rule.scheduleExpression !== undefined
        ? startSchedule(name, rule.scheduleExpression)
        : () => {};
    keep(busState, { ...rule, state, cancelSchedule });
  };

  const archiveOf = (name: string): Archive => {
    const archive = archives.get(name);
    if (archive === undefined) throw notFound(`Archive ${name} does not exist.`);
    return archive;
  };
  const replayOf = (name: string): Replay => {
    const replay = replays.get(name);
    if (replay === undefined) throw notFound(`Replay ${name} does not exist.`);
    return replay;
  };

  const runReplay = (replay: Replay, archive: Archive): void => {
    const { name, startTime, endTime, filterArns = [] } = replay.description;
    const events = archive.events.between(startTime, endTime);
    const ruleArns = new Set(filterArns);
    const step = (from: number) => {
      replay.cancel = clock.setTimer(clock.now(), () => {
        const state = states.get(archive.busName);
        const some = events.slice(from, from + replayedAtOnce);
        for (const event of some) {
          const detail = parseDetail(event.detailText);
          if (state !== undefined && detail !== undefined) route(state, event, detail, { name, ruleArns });
        }
        const last = some.at(-1);
        const isDone = from + replayedAtOnce >= events.length;
        replay.description = {
          ...replay.description,
          state: isDone ? 'COMPLETED' : 'RUNNING',
          ...(last === undefined ? {} : { lastReplayedTime: last.time }),
          ...(isDone ? { endedAt: clock.now() } : {}),
        };
        if (!isDone) step(from + replayedAtOnce);
      });
    };
    step(0);
  };

  return {
    createBus(name, description) {
      if (!/^[\w./-]{1,256}$/.test(name) || name === defaultBusName) {
        throw validation(`Parameter Name is not valid: ${name}.`);
      }
      if (states.has(name)) throw alreadyExists(`Event bus ${name} already exists.`);
      return addBus(name, description);
    },
    bus: (nameOrArn) => stateOf(nameOrArn).bus,
    listBuses: () => [...states.values()].map(({ bus }) => bus),
    deleteBus(nameOrArn) {
      const { bus, rules } = stateOf(nameOrArn);
      if (bus.name === defaultBusName) throw validation('Cannot delete event bus default.');
      for (const rule of rules.values()) rule.cancelSchedule();
      for (const archive of archives.values()) if (archive.busName === bus.name) archives.delete(archive.name);
      states.delete(bus.name);
    },

    putRule({ name, bus, eventPattern, scheduleExpression, state = 'ENABLED', description, roleArn, tags = {} }) {
      if (!ruleNameForm.test(name)) throw validation(`Parameter Name is not valid: ${name}.`);
      if (eventPattern === undefined && scheduleExpression === undefined) {
        throw validation('Parameter(s) EventPattern or ScheduleExpression must be specified.');
      }
      const busState = stateOf(bus);
      if (scheduleExpression !== undefined && busState.bus.name !== defaultBusName) {
        throw validation('ScheduleExpression is supported only on the default event bus.');
      }
      const compiledPattern = eventPattern === undefined ? undefined : compile(eventPattern);
      checkQuotas(busState, name, compiledPattern);
      const existing = busState.rules.get(name);
      const cancelSchedule =
        scheduleExpression !== undefined && state === 'ENABLED'
          ? startSchedule(name, scheduleExpression)
          : checkSchedule(scheduleExpression);
      existing?.cancelSchedule();
      const { name: busName } = busState.bus;
      const arn = `${arnPrefix}rule/${busName === defaultBusName ? '' : `${busName}/`}${name}`;
      keep(busState, {
        name,
        arn,
        busName,
        state,
        ...(eventPattern === undefined ? {} : { eventPattern }),
        ...(compiledPattern === undefined ? {} : { compiledPattern }),
        ...(scheduleExpression === undefined ? {} : { scheduleExpression }),
        ...(description === undefined ? {} : { description }),
        ...(roleArn === undefined ? {} : { roleArn }),
        targets: existing?.targets ?? new Map(),
        tags: existing?.tags ?? new Map(Object.entries(tags)),
        cancelSchedule,
      });
      return { ruleArn: arn };
    },
    describeRule: (name, bus) => describeRule(ruleOf(name, bus).rule),
    listRules: (bus, namePrefix = '') =>
      [...stateOf(bus).rules.values()]
        .filter(({ name }) => name.startsWith(namePrefix))
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .map(describeRule),
    deleteRule(name, bus) {
      const state = stateOf(bus);
      const rule = state.rules.get(name);
      if (rule === undefined) return;
      if (rule.targets.size > 0) throw validation("Rule can't be deleted since it has targets.");
      rule.cancelSchedule();
      state.rules.delete(name);
      state.index = undefined;
    },
    enableRule: (name, bus) => setState(name, bus, 'ENABLED'),
    disableRule: (name, bus) => setState(name, bus, 'DISABLED'),
    putTargets(name, targets, bus) {
      const { rule } = ruleOf(name, bus);
      const ids = new Set([...rule.targets.keys(), ...targets.map(({ id }) => id)]);
      if (ids.size > targetsPerRule) {
        throw new EngineError(
          'LimitExceededException',
          `The requested resource exceeds the maximum number allowed: ${targetsPerRule} targets of a rule.`,
        );
      }
      for (const target of targets) checkTarget(target);
      for (const target of targets) rule.targets.set(target.id, target);
    },
    removeTargets(name, targetIds, bus) {
      const { rule } = ruleOf(name, bus);
      for (const id of targetIds) rule.targets.delete(id);
    },
    listTargets: (name, bus) => [...ruleOf(name, bus).rule.targets.values()],
    fireSchedule(name) {
      const { rule } = ruleOf(name);
      if (rule.scheduleExpression === undefined) throw notFound(`Rule ${name} has no schedule.`);
      sendScheduled(rule, clock.now());
    },
    ruleNamesByTarget: (targetArn, bus) =>
      [...stateOf(bus).rules.values()]
        .filter(({ targets }) => [...targets.values()].some(({ arn }) => arn === targetArn))
        .map(({ name }) => name)
        .sort(),

    putEvents: (entries) =>
      entries.map((entry) => {
        const fault = faultOfEntry(entry);
        if (fault !== undefined) return { kind: 'refused', ...fault };
        const {
          source = '',
          detailType = '',
          detail: detailText = '',
          resources = [],
          time = clock.now(),
          bus,
          traceHeader,
        } = entry;
        const detail = parseDetail(detailText);
        if (detail === undefined) {
          return { kind: 'refused', errorCode: 'MalformedDetail', errorMessage: 'Detail is malformed.' };
        }
        let state: BusState;
        try {
          state = stateOf(bus);
        } catch (error) {
          return { kind: 'refused', errorCode: 'InvalidArgument', errorMessage: (error as Error).message };
        }
        const event: BusEvent = { id: newId(), source, detailType, resources, time, detailText };
        route(state, event, detail, undefined, validTraceHeader(traceHeader));
        return { kind: 'accepted', eventId: event.id };
      }),
    testEventPattern(pattern, event) {
      const compiled = compile(pattern);
      let value: unknown;
      try {
        value = parseJson(event);
      } catch {
        throw validation('Parameter Event is not valid. Reason: it is not JSON.');
      }
      if (!isJsonObject(value)) throw validation('Parameter Event is not valid. Reason: it is not an object.');
      const absent = ['id', 'detail-type', 'source', 'account', 'time', 'region', 'resources'].find(
        (field) => !Object.hasOwn(value as JsonObject, field),
      );
      if (absent !== undefined) throw validation(`Parameter Event is not valid. Reason: it has no ${absent}.`);
      return matches(compiled, value);
    },

    createArchive({ name, eventSourceArn, eventPattern, retentionDays = 0, description }) {
      if (!/^[\w.-]{1,48}$/.test(name)) throw validation(`Parameter ArchiveName is not valid: ${name}.`);
      if (archives.has(name)) throw alreadyExists(`Archive ${name} already exists.`);
      const { bus } = stateOf(eventSourceArn);
      const archive: Archive = {
        name,
        arn: `${arnPrefix}archive/${name}`,
        busName: bus.name,
        eventSourceArn: bus.arn,
        retentionDays,
        createdAt: clock.now(),
        events: createArchivedEvents(archiveBytes),
        ...(eventPattern === undefined ? {} : { eventPattern, compiledPattern: compile(eventPattern) }),
        ...(description === undefined ? {} : { description }),
      };
      archives.set(name, archive);
      return describeArchive(archive);
    },
    describeArchive: (name) => describeArchive(archiveOf(name)),
    listArchives: () => [...archives.values()].map(describeArchive),
    deleteArchive(name) {
      archiveOf(name);
      archives.delete(name);
    },

    startReplay(input) {
      const { name, eventSourceArn, destinationArn, filterArns = [], startTime, endTime } = input;
      if (!/^[\w.-]{1,64}$/.test(name)) throw validation(`Parameter ReplayName is not valid: ${name}.`);
      if (replays.has(name)) throw alreadyExists(`Replay ${name} already exists.`);
      const archive = [...archives.values()].find(({ arn }) => arn === eventSourceArn);
      if (archive === undefined) throw notFound(`Archive ${eventSourceArn} does not exist.`);
      if (destinationArn !== archive.eventSourceArn) {
        throw validation('Parameter Destination.Arn is not valid. Reason: it must be the event bus of the archive.');
      }
      if (!(startTime < endTime)) {
        throw validation('Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.');
      }
      const rules = [...stateOf(destinationArn).rules.values()];
      const unknown = filterArns.find((arn) => !rules.some((rule) => rule.arn === arn));
      if (unknown !== undefined) throw notFound(`Rule ${unknown} does not exist.`);
      const active = [...replays.values()].filter(({ description }) => description.endedAt === undefined);
      if (active.length >= replaysAtOnce) {
        throw new EngineError('LimitExceededException', `Only ${replaysAtOnce} replays can run at once.`);
      }
      const description: ReplayDescription = {
        ...input,
        arn: `${arnPrefix}replay/${name}`,
        state: 'STARTING',
        startedAt: clock.now(),
      };
      const replay: Replay = { description, cancel: () => {} };
      replays.set(name, replay);
      runReplay(replay, archive);
      return description;
    },
    describeReplay: (name) => replayOf(name).description,
    listReplays: ({ namePrefix = '', state, eventSourceArn } = {}) =>
      [...replays.values()]
        .map(({ description }) => description)
        .filter(
          (replay) =>
            replay.name.startsWith(namePrefix) &&
            (state === undefined || replay.state === state) &&
            (eventSourceArn === undefined || replay.eventSourceArn === eventSourceArn),
        ),
    cancelReplay(name) {
      const replay = replayOf(name);
      const { state } = replay.description;
      if (state !== 'STARTING' && state !== 'RUNNING') {
        throw new EngineError('IllegalStatusException', `Replay ${name} is not in a valid state for this operation.`);
      }
      replay.cancel();
      replay.description = { ...replay.description, state: 'CANCELLED', endedAt: clock.now() };
      return { ...replay.description, state: 'CANCELLING' };
    },

    tagsOf(arn) {
      for (const { bus, rules, tags } of states.values()) {
        if (bus.arn === arn) return tags;
        for (const rule of rules.values()) if (rule.arn === arn) return rule.tags;
      }
      throw notFound(`${arn} does not exist.`);
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    stop() {
      isStopped = true;
      for (const { rules } of states.values()) for (const rule of rules.values()) rule.cancelSchedule();
      for (const replay of replays.values()) replay.cancel();
      for (const cancel of retries) cancel();
      retries.clear();
    },
  };
}

function* patternsOf({ rules }: BusState): Generator<readonly [Rule, CompiledPattern]> {
  for (const rule of rules.values()) {
    if (rule.state === 'ENABLED' && rule.compiledPattern !== undefined) yield [rule, rule.compiledPattern];
  }
}

function compile(pattern: string): CompiledPattern {
  if (pattern.length > maxPattern) {
    throw validation(`Parameter EventPattern is not valid. Reason: it is longer than ${maxPattern} characters.`);
  }
  const parsed = parseEventPattern(pattern);
  if (parsed.kind === 'pattern') return parsed.pattern;
  const place = parsed.path === '' ? 'the pattern' : parsed.path;
  throw new EngineError(
    'InvalidEventPatternException',
    `Event pattern is not valid. Reason: ${place}: ${parsed.reason}.`,
  );
}

function checkSchedule(expression: string | undefined): () => void {
  const schedule = expression === undefined ? undefined : parseSchedule(expression);
  if (schedule?.kind === 'invalid') throw validation(`Parameter ScheduleExpression is not valid: ${schedule.reason}.`);
  return () => {};
}

function checkTarget({ id, arn, input, maximumEventAgeSeconds = 60, maximumRetryAttempts = 0 }: RuleTarget): void {
  if (!/^[\w.-]{1,64}$/.test(id)) throw validation(`Parameter Id of a target is not valid: ${id}.`);
  if (!/^arn:aws:(sqs|lambda):[a-z0-9-]+:\d{12}:/.test(arn)) {
    throw validation(`Parameter ${arn} is not valid. Reason: here a target is a queue or a function.`);
  }
  if (input !== undefined) {
    try {
      JSON.parse(input);
    } catch {
      throw validation(`Parameter Input of target ${id} is not valid. Reason: it is not JSON.`);
    }
  }
  if (!(maximumEventAgeSeconds >= 60 && maximumEventAgeSeconds <= defaultEventAgeSeconds)) {
    throw validation(`Parameter MaximumEventAgeInSeconds of target ${id} must be 60 to ${defaultEventAgeSeconds}.`);
  }
  if (!(maximumRetryAttempts >= 0 && maximumRetryAttempts <= defaultRetryAttempts)) {
    throw validation(`Parameter MaximumRetryAttempts of target ${id} must be 0 to ${defaultRetryAttempts}.`);
  }
}

function describeRule(rule: Rule): RuleDescription {
  const { targets: _targets, tags: _tags, cancelSchedule: _cancel, compiledPattern: _pattern, ...description } = rule;
  return description;
}

function describeArchive({
  events,
  busName: _busName,
  compiledPattern: _pattern,
  ...archive
}: Archive): ArchiveDescription {
  return { ...archive, state: 'ENABLED', eventCount: events.count(), sizeBytes: events.sizeBytes() };
}

function internalError(error: unknown): FailedDelivery {
  return { kind: 'failed', errorCode: 'INTERNAL_ERROR', errorMessage: String(error) };
}

function notFound(message: string): EngineError {
  return new EngineError('ResourceNotFoundException', message);
}

function validation(message: string): EngineError {
  return new EngineError('ValidationException', message);
}

function alreadyExists(message: string): EngineError {
  return new EngineError('ResourceAlreadyExistsException', message);
}
