import { explain, matches, parseEventPattern } from '../../event-pattern/event-pattern.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../json/json.ts';
import { type DeliveryRecord, ownRecord } from '../deliveries/delivery-ledger.ts';
import { recheckMs } from '../deliveries/delivery-plan.ts';
import { queueRetentionSeconds } from '../deliveries/retry-schedule.ts';
import { eventSources, eventTypes, operationalEventTypes, testEventType } from '../events/event-types.ts';
import { rulePattern } from '../subscriptions/rule-pattern.ts';
import { secretsInForce } from '../subscriptions/signing-secret.ts';
import type { SubscriptionConfig, SubscriptionState } from '../subscriptions/subscription.ts';
import type { EventSelection } from '../subscriptions/subscription-item.ts';
import { type EventSummary, type RecordedEvent, readEnvelope } from './recorded-event.ts';

/** What can become of one event at one subscription. The first four are the ledger's states. */
export const outcomes = [
  'delivered',
  'retrying',
  'exhausted',
  'discarded',
  // The subscription's rule matches it, and nothing was tried yet.
  'waiting',
  // As `waiting` or `retrying`, and nothing is tried before `until` (where that is known): paused, disabled, rejected, throttled, circuit open.
  'held',
  // The rule says no: `clause` says which part of it.
  'not-matched',
  // The legacy event, to a subscription that may not have it, or after its end.
  'not-entitled',
  // The subscription was made after the event, or is rejected and was never in force.
  'created-later',
] as const;
export type Outcome = (typeof outcomes)[number];

/** Of an event that the ledger does not have: it is for the subscription, and no attempt was made yet. */
export function isUntried(outcome: string | undefined): outcome is 'waiting' | 'held' {
  return outcome === 'waiting' || outcome === 'held';
}

export interface Explanation {
  readonly outcome: Outcome;
  /** For people: one sentence. */
  readonly reason: string;
  /** Which part of the rule said no. */
  readonly clause?: Clause;
  /** When something will be tried; epoch ms. Absent: a person decides, or nobody knows. */
  readonly until?: number;
}

export interface Clause {
  readonly kind: 'type' | 'organisation' | 'filter' | 'source';
  /** Of a filter: the path below `data`, `author.type`; empty for the others. */
  readonly path: string;
  /** What the subscription asks for, as JSON text. */
  readonly expected: string;
  /** What the event has, as JSON text; absent: nothing. */
  readonly found?: string;
}

/** A subscription as it is judged: its item was read and makes sense, or the reason why it does not. */
export type JudgedSubscription =
  | { readonly kind: 'valid'; readonly config: SubscriptionConfig; readonly state: SubscriptionState | undefined }
  | {
      readonly kind: 'rejected';
      readonly subscriptionId: string;
      readonly reason: string;
      /** What can still be read of its item. */
      readonly selection: EventSelection;
      readonly state: SubscriptionState | undefined;
    };

/**
 * What became of an event at a subscription, and why: from the ledger where it says something, otherwise from the
 * configuration of now. `record` is the ledger's item for the two, `now` epoch ms.
 */
export function explainOutcome(
  event: RecordedEvent,
  subscription: JudgedSubscription,
  record: DeliveryRecord | undefined,
  now: number,
): Explanation {
  const own = ownRecord(record, subscription.state);
  if (own !== undefined) return fromLedger(own, subscription, now);
  if (subscription.kind === 'rejected') return explainRejected(event, subscription, now);
  const { config, state } = subscription;
  const mismatch = mismatchOf(event, config);
  if (mismatch !== undefined) return doubtful(mismatch, event, subscription, now);
  const madeAt = madeAtOf(config, state);
  if (madeAt > event.recordedAt) {
    return { outcome: 'created-later', reason: `the subscription was made at ${at(madeAt)}, after the event` };
  }
  const hold = holdOf(config, state, now);
  if (hold !== undefined) return heldBy(hold, event, state);
  return {
    outcome: 'waiting',
    reason: lostWithQueue(event, state) ?? waitingReason(event, subscription, madeAt, now),
  };
}

function heldBy(hold: Hold, event: RecordedEvent, state: SubscriptionState | undefined): Explanation {
  const lost = lostWithQueue(event, state);
  return { outcome: 'held', ...hold, ...(lost === undefined ? {} : { reason: `${hold.reason}; besides, ${lost}` }) };
}

type Valid = JudgedSubscription & { readonly kind: 'valid' };
type Rejected = JudgedSubscription & { readonly kind: 'rejected' };

/** A rejected item that was in force keeps its rule and its queue. One that never was has neither. */
function explainRejected(event: RecordedEvent, subscription: Rejected, now: number): Explanation {
  const { subscriptionId, reason, selection, state } = subscription;
  if (isNeverInForce(state)) {
    return {
      outcome: 'created-later',
      reason: `the subscription has never been in force, since its item is rejected (${reason}): nothing waits for it`,
    };
  }
  const acceptedAt = state?.acceptedAt ?? 0;
  if (acceptedAt > event.recordedAt) {
    return { outcome: 'created-later', reason: `the subscription was made at ${at(acceptedAt)}, after the event` };
  }
  const { eventTypes = [event.type], ...others } = selection;
  const mismatch = mismatchOf(event, { subscriptionId, eventTypes, ...others });
  if (mismatch === undefined) return heldBy(rejectedHold(subscription), event, state);
  if (!mayHaveMatchedBefore(mismatch, event, state, now)) return mismatch;
  const before = `the subscription is rejected (${reason}), and its rule is the one from before; ${perhapsWaits}`;
  return { ...mismatch, reason: `${mismatch.reason}; ${before} once its item is corrected` };
}

function isNeverInForce(state: SubscriptionState | undefined): boolean {
  return state?.acceptedAt === undefined && state?.appliedConfig === undefined;
}

const perhapsWaits =
  'if that one matched, the event may be waiting in the queue (queue.waiting of the subscription) and is delivered';

/** What another configuration would have let through, into a queue that can still have it. */
function mayHaveMatchedBefore(
  { outcome, clause }: Explanation,
  event: RecordedEvent,
  state: SubscriptionState | undefined,
  now: number,
): boolean {
  if (outcome !== 'not-matched' || clause?.kind === 'source' || event.type === testEventType) return false;
  return event.recordedAt >= now - queueRetentionSeconds * 1000 && lostWithQueue(event, state) === undefined;
}

/** A mismatch with the configuration of now; where another was in force when the event came, it says so. */
function doubtful(mismatch: Explanation, event: RecordedEvent, { config, state }: Valid, now: number): Explanation {
  const { recordedAt } = event;
  const changedAt = changedAtOf(config, state);
  const isOfBefore = changedAt !== undefined && changedAt + settlingMs > recordedAt;
  const hadRule = state?.appliedConfig !== undefined && madeAtOf(config, state) <= recordedAt;
  if (!isOfBefore || !hadRule || !mayHaveMatchedBefore(mismatch, event, state, now)) return mismatch;
  const before = `judged by the configuration of now, which was changed at ${at(changedAt)}, and not by the one before`;
  return { ...mismatch, reason: `${mismatch.reason}; ${before}: ${perhapsWaits}` };
}

/** Epoch ms. Undefined: it is as it was made, or nobody knows. */
function changedAtOf(config: SubscriptionConfig, state: SubscriptionState | undefined): number | undefined {
  const changedAt = config.updatedAt === undefined ? 0 : Date.parse(config.updatedAt);
  return changedAt > madeAtOf(config, state) ? changedAt : undefined;
}

/** Epoch ms. An item that was written by hand has no `createdAt`; when it was first accepted stands in its state. */
function madeAtOf({ createdAt }: SubscriptionConfig, state: SubscriptionState | undefined): number {
  return Math.max(createdAt === undefined ? 0 : Date.parse(createdAt), state?.acceptedAt ?? 0);
}

type RuleConfig = Parameters<typeof rulePattern>[0];

/**
 * Why the subscription's rule does not match, with the first clause that says no: the source (retired legacy events),
 * the type, the organisation, the filter. Undefined: it matches.
 */
function mismatchOf(event: RecordedEvent, config: RuleConfig): Explanation | undefined {
  const envelope = envelopeOf(event);
  if (isMatched(envelope, config)) return undefined;
  const { type, orgId, source } = event;
  if (type === testEventType) {
    return notMatched(
      { kind: 'type', path: '', expected: JSON.stringify(config.eventTypes), found: JSON.stringify(type) },
      'a test event goes to the one subscription that it is about',
    );
  }
  if (!config.eventTypes.includes(type)) {
    return notMatched(
      { kind: 'type', path: '', expected: JSON.stringify(config.eventTypes), found: JSON.stringify(type) },
      `the subscription does not ask for ${type}`,
    );
  }
  if (source === eventSources.retired && type === eventTypes.conversationStatusUpdated) {
    return {
      outcome: 'not-entitled',
      reason: `${type} is not sent to anybody since its removal (the legacy timeline); subscribe to what replaces it`,
    };
  }
  const operational: readonly string[] = Object.values(operationalEventTypes);
  const wantedSource = operational.includes(type) ? eventSources.fanout : eventSources.drift;
  if (source !== wantedSource) {
    return notMatched(
      { kind: 'source', path: '', expected: JSON.stringify(wantedSource), found: JSON.stringify(source) },
      `an event ${type} of the source ${source} goes to nobody`,
    );
  }
  if (config.orgIds !== undefined && (orgId === undefined || !config.orgIds.includes(orgId))) {
    return notMatched(
      {
        kind: 'organisation',
        path: '',
        expected: `[${config.orgIds.join(',')}]`,
        ...(orgId === undefined ? {} : { found: orgId }),
      },
      `the subscription asks for other organisations than ${orgId ?? 'none'}`,
    );
  }
  return filterMismatch(config.filter ?? {}, envelope);
}

function filterMismatch(filter: JsonObject, envelope: JsonObject): Explanation {
  const detail = isJsonObject(envelope.detail) ? envelope.detail : {};
  const event = { data: detail.data ?? null };
  const parsed = parseEventPattern({ data: filter });
  const [first] = parsed.kind === 'pattern' ? explain(parsed.pattern, event) : [];
  const path = first?.path.replace(/^data\.?/, '') ?? '';
  const expected = first?.wanted ?? JSON.stringify(filter);
  return notMatched(
    { kind: 'filter', path, expected, ...(first?.found === undefined ? {} : { found: first.found }) },
    `the filter does not let it through: ${path === '' ? 'data' : path} ${first?.reason ?? 'does not match'}`,
  );
}

function notMatched(clause: Clause, reason: string): Explanation {
  return { outcome: 'not-matched', reason, clause };
}

/** Whether the subscription's rule matches the envelope, as the bus would say. */
function isMatched(envelope: JsonObject, config: RuleConfig): boolean {
  const parsed = parseEventPattern(rulePattern(config));
  return parsed.kind === 'pattern' && matches(parsed.pattern, envelope);
}

/** False: its type alone says no, or the subscription was never in force, and its text need not be read. */
export function mayBeForSubscription({ type }: EventSummary, subscription: JudgedSubscription): boolean {
  if (subscription.kind === 'rejected' && isNeverInForce(subscription.state)) return false;
  const { eventTypes } = subscription.kind === 'valid' ? subscription.config : subscription.selection;
  return type === testEventType || eventTypes === undefined || eventTypes.includes(type);
}

/** Whether a recorded event is for a subscription, by the configuration of now. */
export function isForSubscription(event: Pick<RecordedEvent, 'event'>, config: SubscriptionConfig): boolean {
  return isMatched(envelopeOf(event), config);
}

/** Why the subscription's rule of now does not match an envelope (as JSON text), in words. Undefined: it matches. */
export function mismatchReason(envelope: string, config: SubscriptionConfig): string | undefined {
  const read = readEnvelope(envelope, 0);
  return read.kind === 'event' ? mismatchOf(read.event, config)?.reason : `it is no event: ${read.reason}`;
}

function envelopeOf({ event }: Pick<RecordedEvent, 'event'>): JsonObject {
  const envelope = parseJson(event);
  return isJsonObject(envelope) ? envelope : {};
}

function fromLedger(record: DeliveryRecord, subscription: JudgedSubscription, now: number): Explanation {
  const { state, attempts, reason, lastStatus, lastError } = record;
  const tries = `${attempts} attempt${attempts === 1 ? '' : 's'}`;
  const last = lastStatus === undefined ? lastError : `status ${lastStatus}`;
  switch (state) {
    case 'delivered':
      return { outcome: state, reason: `delivered with ${tries}${last === undefined ? '' : ` (${last})`}` };
    case 'retrying': {
      const hold = retryHold(record, subscription, now);
      const until = nextAttempt(record, hold);
      // While its subscriber was stopped, it may have left the queue untried.
      const isTried = attempts > 0;
      const failed = `${tries} failed${last === undefined ? '' : `, the last with ${last}`}`;
      const isHeld = hold !== undefined && (until === undefined || until !== record.nextAttemptAt);
      const besides = hold === undefined ? '' : `; ${isHeld ? '' : 'besides, '}${hold.reason}`;
      const again = isTried && !isHeld ? '; it is tried again' : '';
      return {
        outcome: isHeld ? 'held' : state,
        reason: `${isTried ? failed : 'it waits, and was not tried yet'}${again}${besides}`,
        ...(until === undefined ? {} : { until }),
      };
    }
    case 'exhausted':
    case 'discarded':
      return { outcome: state, reason: reason ?? `${tries} failed` };
    default:
      throw state satisfies never;
  }
}

export interface Hold {
  readonly reason: string;
  /** Epoch ms. Absent: nobody knows. */
  readonly until?: number;
}

/** What keeps an event back that is being retried, besides its own next attempt; undefined: nothing, or it is not retried. */
export function retryHold(
  { state }: Pick<DeliveryRecord, 'state'>,
  subscription: JudgedSubscription,
  now: number,
): Hold | undefined {
  if (state !== 'retrying') return undefined;
  return subscription.kind === 'valid'
    ? holdOf(subscription.config, subscription.state, now)
    : rejectedHold(subscription);
}

/** When an event is tried next, epoch ms; `hold`: what keeps it back besides. Undefined: a person decides, or nobody knows. */
export function nextAttempt(
  { nextAttemptAt }: Pick<DeliveryRecord, 'nextAttemptAt'>,
  hold: Hold | undefined,
): number | undefined {
  if (hold === undefined) return nextAttemptAt;
  return hold.until === undefined ? undefined : Math.max(nextAttemptAt ?? 0, hold.until);
}

function rejectedHold({ reason }: Rejected): Hold {
  return {
    reason: `the subscription is rejected (${reason}): nothing is delivered until its item is corrected`,
  };
}

/** What keeps all of a subscription's events back; undefined: nothing. */
function holdOf(config: SubscriptionConfig, state: SubscriptionState | undefined, now: number): Hold | undefined {
  if (state?.disabled !== undefined) {
    return { reason: `the subscription is disabled since ${at(state.disabled.at)}: ${state.disabled.reason}` };
  }
  if (config.status === 'paused') return { reason: 'the subscription is paused' };
  const secrets = config.secrets ?? state?.generatedSecrets ?? [];
  if (state !== undefined && secretsInForce(secrets, now).length === 0) {
    return { reason: 'none of its secrets is in force, and nothing is sent unsigned' };
  }
  if (state?.throttledUntil !== undefined && state.throttledUntil > now) {
    return {
      reason: `the endpoint asked for a pause until ${at(state.throttledUntil)} (Retry-After)`,
      until: state.throttledUntil,
    };
  }
  if (state?.circuit?.state === 'open') {
    const { since, probeAt } = state.circuit;
    return { reason: `the circuit is open since ${at(since)}; the next probe is at ${at(probeAt)}`, until: probeAt };
  }
  return undefined;
}

/**
 * Whether an event that nobody has tried is probably still in the subscriber's queue, so that it comes by itself: its rule was
 * in force, and the queue has not forgotten it.
 */
export function probablyWaits(event: RecordedEvent, subscription: JudgedSubscription, now: number): boolean {
  if (subscription.state?.appliedConfig === undefined || event.recordedAt < now - queueRetentionSeconds * 1000)
    return false;
  if (lostWithQueue(event, subscription.state) !== undefined) return false;
  return isUntried(explainOutcome(event, subscription, undefined, now).outcome);
}

/** An event that nobody has tried waited in a queue that somebody has deleted since. Undefined: not that anybody knows. */
function lostWithQueue({ recordedAt }: RecordedEvent, state: SubscriptionState | undefined): string | undefined {
  const madeAt = state?.queueMadeAgainAt;
  if (madeAt === undefined || recordedAt >= madeAt) return undefined;
  return `its queue was deleted and made again at ${at(madeAt)}, after the event, and what waited in the one before is gone: resend it, unless that was done since, or it lies with the dead letters`;
}

/** A new route takes some seconds, and a rule of EventBridge a little longer. */
const settlingMs = 2 * 60 * 1000;
/** What was hidden as deliveries stopped has come back by then, with a minute for what reads the queue to go on. */
const comesBackMs = recheckMs + 60 * 1000;

function waitingReason(event: RecordedEvent, { config, state }: Valid, madeAt: number, now: number): string {
  if (state?.appliedConfig === undefined) {
    return 'its rule matches, but the subscription was not ready yet: an event from before that is not delivered';
  }
  const changedAt = changedAtOf(config, state);
  const resumedAt = Math.max(changedAt ?? 0, config.resumedAt === undefined ? 0 : Date.parse(config.resumedAt));
  if (resumedAt > madeAt && resumedAt <= now && now - resumedAt < comesBackMs) {
    return `it matches the configuration of now, which was changed or resumed at ${at(resumedAt)}, and no attempt is recorded yet: what was being read as deliveries stopped comes up to two minutes after they go on`;
  }
  if (event.recordedAt - madeAt < settlingMs) {
    return `the subscription was new, made at ${at(madeAt)}, moments before the event: if its rule was in force by then, the event waits in the queue; if it is still untried minutes later, resend it`;
  }
  if (changedAt !== undefined && changedAt > event.recordedAt) {
    return `it matches the configuration of now, which was changed at ${at(changedAt)}, after the event; no attempt is recorded`;
  }
  return 'its rule matches, and no attempt was made yet: it waits in the queue';
}

function at(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
