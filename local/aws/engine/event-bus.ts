import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../../lambdas/json/json.ts';
import { Archive } from './archive.ts';
import type { EngineClock } from './engine-clock.ts';
import { EngineError, limitExceeded, notFound, validation } from './engine-error.ts';
import {
  type BusEvent,
  type EventEntry,
  envelopeText,
  envelopeValue,
  faultOfEntry,
  parseDetail,
  type Refusal,
} from './event-envelope.ts';
import {
  checkTarget,
  compilePattern,
  type Rule,
  type RuleDescription,
  type RuleInput,
  type RuleTarget,
} from './event-rule.ts';
import { indexPatterns, type PatternIndex } from './pattern-index.ts';
import { type ReplayScope, Replays } from './replay.ts';
import { schedulePeriodMs } from './schedule.ts';
import { TargetSender, type TargetSenderOptions } from './target-sender.ts';
import { validTraceHeader } from './trace-header.ts';

export interface EventBusesOptions extends TargetSenderOptions {
  readonly region: string;
  readonly accountId: string;
  /** EventBridge's default quota is 300; adjustable. */
  readonly rulesPerBus?: number;
  /** What an archive keeps at the most; then the oldest events go. Default 64 MiB. */
  readonly archiveBytes?: number;
  readonly newId?: () => string;
}

export interface EventBus {
  readonly name: string;
  readonly arn: string;
}

export type PutEventsAnswer =
  | { readonly kind: 'accepted'; readonly eventId: string }
  | ({ readonly kind: 'refused' } & Refusal);

interface BusState {
  readonly bus: EventBus;
  readonly rules: Map<string, Rule>;
  /** Of the enabled rules; made again when one changed. */
  index: PatternIndex<Rule> | undefined;
}

// docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const targetsPerRule = 5;
const ruleNameForm = /^[\w.-]{1,64}$/;
const defaultBusName = 'default';

export function createEventBuses(options: EventBusesOptions): EventBuses {
  return new EventBuses(options);
}

/** The event buses of one account and region: rules, targets, schedules, archives and replays. */
export class EventBuses {
  readonly replays: Replays;
  readonly #options: EventBusesOptions;
  readonly #clock: EngineClock;
  readonly #arnPrefix: string;
  readonly #sender: TargetSender;
  readonly #buses = new Map<string, BusState>();
  readonly #archives = new Map<string, Archive>();

  constructor(options: EventBusesOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#arnPrefix = `arn:aws:events:${options.region}:${options.accountId}:`;
    this.#sender = new TargetSender(options);
    this.replays = new Replays({
      clock: options.clock,
      arnPrefix: this.#arnPrefix,
      archive: (arn) => this.#archives.get(arn),
      hasRule: (busArn, ruleArn) =>
        [...this.#stateOf(busArn).rules.values()].some(({ description }) => description.arn === ruleArn),
      route: (busArn, event, scope) => {
        const detail = parseDetail(event.detailText);
        if (detail !== undefined) this.#route(this.#stateOf(busArn), event, detail, { replay: scope });
      },
    });
    this.#addBus(defaultBusName);
  }

  createBus(name: string): EventBus {
    if (!/^[\w./-]{1,256}$/.test(name) || name === defaultBusName) {
      throw validation(`Parameter Name is not valid: ${name}.`);
    }
    if (this.#buses.has(name)) throw alreadyExists(`Event bus ${name}`);
    return this.#addBus(name);
  }

  /** By name or ARN; none: `default`, which is always there. Throws `ResourceNotFoundException`. */
  bus(nameOrArn?: string): EventBus {
    return this.#stateOf(nameOrArn).bus;
  }

  listBuses(): EventBus[] {
    return [...this.#buses.values()].map(({ bus }) => bus);
  }

  /**
   * Makes a rule or replaces all of it but its targets. Throws `InvalidEventPatternException`,
   * `LimitExceededException`, `ValidationException`.
   */
  putRule({ name, bus, eventPattern, scheduleExpression, state = 'ENABLED', description }: RuleInput): {
    readonly ruleArn: string;
  } {
    if (!ruleNameForm.test(name)) throw validation(`Parameter Name is not valid: ${name}.`);
    if (eventPattern === undefined && scheduleExpression === undefined) {
      throw validation('Parameter(s) EventPattern or ScheduleExpression must be specified.');
    }
    const busState = this.#stateOf(bus);
    const { name: busName } = busState.bus;
    if (scheduleExpression !== undefined && busName !== defaultBusName) {
      throw validation('ScheduleExpression is supported only on the default event bus.');
    }
    const pattern = eventPattern === undefined ? undefined : compilePattern(eventPattern);
    const periodMs = scheduleExpression === undefined ? undefined : schedulePeriodMs(scheduleExpression);
    const { rulesPerBus = 300 } = this.#options;
    const existing = busState.rules.get(name);
    if (existing === undefined && busState.rules.size >= rulesPerBus) {
      throw limitExceeded(`${rulesPerBus} rules on the event bus ${busName}`);
    }
    const arn = `${this.#arnPrefix}rule/${busName === defaultBusName ? '' : `${busName}/`}${name}`;
    existing?.cancelSchedule();
    this.#keep(busState, {
      description: {
        name,
        arn,
        busName,
        state,
        ...(eventPattern === undefined ? {} : { eventPattern }),
        ...(scheduleExpression === undefined ? {} : { scheduleExpression }),
        ...(description === undefined ? {} : { description }),
      },
      pattern,
      targets: existing?.targets ?? new Map(),
      cancelSchedule: periodMs === undefined || state === 'DISABLED' ? () => {} : this.#startSchedule(name, periodMs),
    });
    return { ruleArn: arn };
  }

  describeRule(name: string, bus?: string): RuleDescription {
    return this.#ruleOf(name, bus).description;
  }

  listRules(bus?: string, namePrefix = ''): RuleDescription[] {
    return [...this.#stateOf(bus).rules.values()]
      .map(({ description }) => description)
      .filter(({ name }) => name.startsWith(namePrefix))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Quiet where the rule is not there. Throws `ValidationException` while it has targets. */
  deleteRule(name: string, bus?: string): void {
    const state = this.#stateOf(bus);
    const rule = state.rules.get(name);
    if (rule === undefined) return;
    if (rule.targets.size > 0) throw validation("Rule can't be deleted since it has targets.");
    rule.cancelSchedule();
    state.rules.delete(name);
    state.index = undefined;
  }

  enableRule(name: string, bus?: string): void {
    this.putRule({ ...this.describeRule(name, bus), bus, state: 'ENABLED' });
  }

  disableRule(name: string, bus?: string): void {
    this.putRule({ ...this.describeRule(name, bus), bus, state: 'DISABLED' });
  }

  putTargets(name: string, targets: readonly RuleTarget[], bus?: string): void {
    const rule = this.#ruleOf(name, bus);
    const ids = new Set([...rule.targets.keys(), ...targets.map(({ id }) => id)]);
    if (ids.size > targetsPerRule) throw limitExceeded(`${targetsPerRule} targets of a rule`);
    for (const target of targets) checkTarget(target);
    for (const target of targets) rule.targets.set(target.id, target);
  }

  removeTargets(name: string, targetIds: readonly string[], bus?: string): void {
    const { targets } = this.#ruleOf(name, bus);
    for (const id of targetIds) targets.delete(id);
  }

  listTargets(name: string, bus?: string): RuleTarget[] {
    return [...this.#ruleOf(name, bus).targets.values()];
  }

  /** Fires a rule that has a schedule now, beside its own times. Throws `ResourceNotFoundException`. */
  fireSchedule(name: string): void {
    const rule = this.#ruleOf(name);
    if (rule.description.scheduleExpression === undefined) throw notFound(`Rule ${name} has no schedule.`);
    this.#sendScheduled(rule, this.#clock.now());
  }

  /** As PutEvents, after the request's own limits. One answer per entry, in order. */
  putEvents(entries: readonly EventEntry[]): PutEventsAnswer[] {
    return entries.map((entry) => this.#putEvent(entry));
  }

  /** `retentionDays` 0, the default: for ever. */
  createArchive({
    name,
    eventSourceArn,
    eventPattern,
    retentionDays = 0,
  }: {
    readonly name: string;
    /** ARN of the bus. */
    readonly eventSourceArn: string;
    readonly eventPattern?: string;
    readonly retentionDays?: number;
  }): Archive {
    const arn = `${this.#arnPrefix}archive/${name}`;
    if (this.#archives.has(arn)) throw alreadyExists(`Archive ${name}`);
    const archive = new Archive({
      name,
      arn,
      busArn: this.#stateOf(eventSourceArn).bus.arn,
      pattern: eventPattern === undefined ? undefined : compilePattern(eventPattern),
      retentionDays,
      maxBytes: this.#options.archiveBytes ?? 64 * 1024 * 1024,
    });
    this.#archives.set(arn, archive);
    return archive;
  }

  /** Resolves once every delivery that is under way, retries excepted, has been handed to its target. */
  settled(): Promise<void> {
    return this.#sender.settled();
  }

  /** Stops schedules, replays and retries. */
  stop(): void {
    for (const { rules } of this.#buses.values()) for (const rule of rules.values()) rule.cancelSchedule();
    this.replays.stop();
    this.#sender.stop();
  }

  #addBus(name: string): EventBus {
    const bus = { name, arn: `${this.#arnPrefix}event-bus/${name}` };
    this.#buses.set(name, { bus, rules: new Map(), index: undefined });
    return bus;
  }

  #stateOf(nameOrArn: string = defaultBusName): BusState {
    const prefix = `${this.#arnPrefix}event-bus/`;
    const name = nameOrArn.startsWith(prefix) ? nameOrArn.slice(prefix.length) : nameOrArn;
    const state = this.#buses.get(name);
    if (state === undefined) throw notFound(`Event bus ${nameOrArn} does not exist.`);
    return state;
  }

  #ruleOf(name: string, bus?: string): Rule {
    const state = this.#stateOf(bus);
    const rule = state.rules.get(name);
    if (rule === undefined) throw notFound(`Rule ${name} does not exist on EventBus ${state.bus.name}.`);
    return rule;
  }

  #keep(state: BusState, rule: Rule): void {
    state.rules.set(rule.description.name, rule);
    state.index = undefined;
  }

  #putEvent(entry: EventEntry): PutEventsAnswer {
    const fault = faultOfEntry(entry);
    if (fault !== undefined) return { kind: 'refused', ...fault };
    const { source = '', detailType = '', detail: detailText = '', resources = [], bus, traceHeader } = entry;
    const detail = parseDetail(detailText);
    if (detail === undefined) {
      return { kind: 'refused', errorCode: 'MalformedDetail', errorMessage: 'Detail is malformed.' };
    }
    let state: BusState;
    try {
      state = this.#stateOf(bus);
    } catch (error) {
      return { kind: 'refused', errorCode: 'InvalidArgument', errorMessage: (error as Error).message };
    }
    const time = entry.time ?? this.#clock.now();
    const event: BusEvent = { id: this.#newId(), source, detailType, resources, time, detailText };
    this.#route(state, event, detail, { traceHeader: validTraceHeader(traceHeader) });
    return { kind: 'accepted', eventId: event.id };
  }

  #route(
    state: BusState,
    event: BusEvent,
    detail: JsonObject,
    { replay, traceHeader }: { readonly replay?: ReplayScope; readonly traceHeader?: string | undefined },
  ): void {
    const value = envelopeValue(event, detail, this.#options, replay?.name);
    state.index ??= indexPatterns(patternsOf(state));
    let text: string | undefined;
    for (const rule of state.index.match(value)) {
      if (replay !== undefined && replay.ruleArns.size > 0 && !replay.ruleArns.has(rule.description.arn)) continue;
      text ??= envelopeText(event, this.#options, replay?.name);
      this.#sender.sendToTargets(rule, text, traceHeader);
    }
    if (replay !== undefined) return;
    for (const archive of this.#archives.values()) {
      if (archive.busArn === state.bus.arn) archive.keep(event, value, this.#clock.now());
    }
  }

  /** Fires a rule by its schedule, counted from now, until that is cancelled. */
  #startSchedule(ruleName: string, periodMs: number): () => void {
    let cancel = () => {};
    const arm = (at: number): void => {
      cancel = this.#clock.setTimer(at, () => {
        // A clock that jumped (a laptop that slept) makes up for nothing.
        const missed = Math.floor((this.#clock.now() - at) / periodMs);
        arm(at + (missed + 1) * periodMs);
        this.#sendScheduled(this.#ruleOf(ruleName), at);
      });
    };
    arm(this.#clock.now() + periodMs);
    return () => cancel();
  }

  #sendScheduled(rule: Rule, time: number): void {
    const event: BusEvent = {
      id: this.#newId(),
      source: 'aws.events',
      detailType: 'Scheduled Event',
      resources: [rule.description.arn],
      time,
      detailText: '{}',
    };
    this.#sender.sendToTargets(rule, envelopeText(event, this.#options));
  }

  #newId(): string {
    return (this.#options.newId ?? randomUUID)();
  }
}

function* patternsOf({ rules }: BusState) {
  for (const rule of rules.values()) {
    if (rule.description.state === 'ENABLED' && rule.pattern !== undefined) yield [rule, rule.pattern] as const;
  }
}

function alreadyExists(what: string): EngineError {
  return new EngineError('ResourceAlreadyExistsException', `${what} already exists.`);
}
