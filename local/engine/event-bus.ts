import type { EngineClock } from './engine-clock.ts';

/** The event buses of one account and region: rules, targets, schedules, archives and replays. */
export interface EventBuses {
  createBus(name: string, description?: string): EventBus;
  /** By name or ARN. Throws `ResourceNotFoundException`. */
  bus(nameOrArn?: string): EventBus;
  listBuses(): EventBus[];
  deleteBus(nameOrArn: string): void;

  /** `bus` undefined: `default`. Throws `InvalidEventPatternException`, `LimitExceededException`, `ValidationException`. */
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
  ruleNamesByTarget(targetArn: string, bus?: string): string[];

  /** As PutEvents, after the request's own limits. One answer per entry, in order. */
  putEvents(entries: readonly EventEntry[]): PutEventsAnswer[];
  /** Throws `InvalidEventPatternException`. */
  testEventPattern(pattern: string, event: string): boolean;

  createArchive(archive: ArchiveInput): ArchiveDescription;
  describeArchive(name: string): ArchiveDescription;
  deleteArchive(name: string): void;
  startReplay(replay: ReplayInput): ReplayDescription;
  describeReplay(name: string): ReplayDescription;
  listReplays(filter?: {
    readonly namePrefix?: string;
    readonly state?: string;
    readonly eventSourceArn?: string;
  }): ReplayDescription[];
  cancelReplay(name: string): ReplayDescription;

  /** Of rules and buses, by ARN. */
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
  /** EventBridge's default quota is 300; adjustable. */
  readonly rulesPerBus?: number;
  readonly newId?: () => string;
}

export type DeliverToTarget = (delivery: TargetDelivery) => DeliveryResult | Promise<DeliveryResult>;

export interface TargetDelivery {
  readonly ruleArn: string;
  readonly target: RuleTarget;
  /** The event's envelope, or the target's constant `Input`. */
  readonly payload: string;
}

/** `rejected`: trying again is no use (the target is gone, or says no to the message). */
export type DeliveryResult =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed' | 'rejected'; readonly errorCode: string; readonly errorMessage: string };

export interface EventBus {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
}

export interface RuleInput {
  readonly name: string;
  readonly bus?: string;
  /** JSON text. */
  readonly eventPattern?: string;
  /** `rate(…)` or `cron(…)`; on the default bus only. */
  readonly scheduleExpression?: string;
  readonly state?: 'ENABLED' | 'DISABLED';
  readonly description?: string;
  readonly roleArn?: string;
  readonly tags?: Readonly<Record<string, string>>;
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
  readonly maximumEventAgeSeconds?: number;
  readonly maximumRetryAttempts?: number;
}

export interface EventEntry {
  readonly source?: string;
  readonly detailType?: string;
  /** JSON text of an object. */
  readonly detail?: string;
  /** Epoch milliseconds; default now. */
  readonly time?: number;
  readonly resources?: readonly string[];
  readonly bus?: string;
}

export type PutEventsAnswer =
  | { readonly kind: 'accepted'; readonly eventId: string }
  | { readonly kind: 'refused'; readonly errorCode: string; readonly errorMessage: string };

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
  /** Epoch milliseconds. */
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

export function createEventBuses(_options: EventBusesOptions): EventBuses {
  throw new Error('not written yet');
}
