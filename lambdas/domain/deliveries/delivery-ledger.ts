import type { SubscriptionState } from '../subscriptions/subscription.ts';
import type { AttemptResult, ErrorClass } from './attempt-outcome.ts';
import { retriedEnvelope } from './replay.ts';
import { lastSafeInstant, maxQueueWaitSeconds } from './retry-schedule.ts';

/**
 * The ledger: for each event and subscriber one item that says how far it got and why. All times are epoch ms.
 *
 * An item is written after attempts, so an event that waits untried in the queue has none; but for one whose message had to
 * leave the queue of a stopped subscriber (docs/decisions/0017-no-third-receive-of-what-waits.md). What is `retrying`
 * waits in the queue for its next attempt, or, if that is more than minutes away, here. Its final states:
 * `delivered` 2xx · `exhausted` every attempt failed, or the queue would have forgotten it · `discarded` the receiver
 * (or a person) does not want it. What is final is dropped when it comes again, except by a replay.
 *
 * A replay is a message in the subscriber's queue like any other, whose envelope holds a `replay-name`; EventBridge
 * adds it to what comes from an archive, and whoever replays a single delivery writes the stored `event` with it. An id
 * that is `exhausted` or `discarded` is tried anew, with all its attempts, once for each `replay-name`; one that is
 * `delivered` is dropped, unless the envelope also holds `"replay-delivered": true`. A name in the subscription's
 * `state.cancelledReplays` calls the replay off; what was tried or waited without the replay goes on.
 *
 * A resend is the replay of one event that a person wants now. Its envelope holds `"resend": true`, which says what
 * `replay-delivered` says, and that one attempt is made whatever the system has decided: before the next retry, through a
 * throttle, through an open circuit. If it fails, an event that is `retrying` goes on as if nobody had asked: with as many
 * attempts before it, and the next one when it was due. One that was never tried, or had its end, begins (again) with it.
 */
export interface DeliveryRecord {
  readonly subscriptionId: string;
  readonly webhookId: string;
  readonly state: 'delivered' | 'retrying' | 'exhausted' | 'discarded';
  /** Attempts that were made, not receives. 0: it waits untried, or expired so. */
  readonly attempts: number;
  /** Why it is exhausted or discarded. */
  readonly reason?: string;
  readonly eventType: string;
  /** The event's own time. */
  readonly occurredAt: number;
  readonly firstAttemptAt?: number;
  readonly lastAttemptAt?: number;
  readonly lastStatus?: number;
  readonly lastError?: ErrorClass;
  readonly lastErrorMessage?: string;
  readonly durationMs?: number;
  /** The beginning of the last response, see `keptResponseBytes`. */
  readonly responseHead?: string;
  /** The last attempts, oldest first, at most `historyLength`. */
  readonly history: readonly AttemptEntry[];
  /** The JSON text of the envelope, while it is not delivered. A text, so that its numbers stay as they are. */
  readonly event?: string;
  /** X-Ray's, of the trace that the event's path belongs to; beside `event`, so that what is sent again belongs to it too. */
  readonly traceHeader?: string;
  /** While `retrying`: not tried again before. */
  readonly nextAttemptAt?: number;
  /** When it first failed. There only while it is not delivered: the key of the index `undelivered`. */
  readonly undeliveredAt?: number;
  /**
   * While `retrying`: the queue's message that carries the event to its next attempt, and when that entered the queue. A
   * second message of the event waits for it. Without one the event waits here, in the ledger.
   */
  readonly messageId?: string;
  readonly queuedAt?: number;
  /**
   * While `retrying`: when the minute's sweep looks after it, and the key of the index `due` (see due-delivery.ts). An
   * event that waits in the ledger is due with its next attempt; one that a message carries, when that must be lost.
   */
  readonly dueAt?: number;
  readonly dueShard?: number;
  /** The replay that the attempts are counted for. */
  readonly replayName?: string;
  /** Epoch seconds. */
  readonly ttl: number;
}

export interface AttemptEntry {
  readonly at: number;
  readonly durationMs: number;
  readonly status?: number;
  readonly error?: ErrorClass;
  /** It went out twice (`AttemptResult.resentOnFreshConnection`). */
  readonly resent?: true;
  /** A person asked for it: a resend. Where the event is retried, one that fails is none of its attempts. */
  readonly byHand?: true;
}

/** The index `due` is spread over this many keys; the sweep reads each. */
export const dueShards = 8;
/** A message that nobody has tried for so long after its time is lost, or stuck behind a backlog: the ledger sends another. */
export const lostAfterMs = 60 * 60 * 1000;

/** Bounds the item: a ledger item is at most 400 KB, of which the event may take 256. */
const historyLength = 20;

/**
 * What is kept of a response, in bytes of UTF-8. Of a success it is for recognising who answered; each KB more would be another
 * write unit for every delivery (docs/decisions/0062-what-a-delivery-need-not-cost.md).
 */
const keptResponseBytes = { success: 256, failure: 4096 } as const;

/** Longer than the queue's 14 days: while a message can still come again, what became of it is known. */
const deliveredRetentionSeconds = 30 * 24 * 60 * 60;
const undeliveredRetentionSeconds = 90 * 24 * 60 * 60;

/** What is known of an event that is handed to a subscriber. */
export interface DeliverySubject {
  readonly subscriptionId: string;
  readonly webhookId: string;
  readonly eventType: string;
  readonly occurredAt: number;
  /** The envelope's JSON text. */
  readonly event: string;
  readonly messageId: string;
  /** When the message entered the queue. */
  readonly sentAt: number;
  readonly replayName?: string;
  readonly traceHeader?: string;
  /** A person asked for this one event, whatever its state. */
  readonly isResent?: boolean;
}

/** How one attempt, or the lack of one, leaves the event. */
export type DeliveryVerdict =
  | { readonly state: 'delivered' }
  | { readonly state: 'retrying'; readonly nextAttemptAt: number }
  | { readonly state: 'exhausted' | 'discarded'; readonly reason: string };

/**
 * The attempts that count towards the schedule: those of this replay, or of the first path. A new replay of an event
 * that had its end begins again.
 */
export function attemptsSoFar(subject: DeliverySubject, previous: DeliveryRecord | undefined): number {
  if (previous === undefined) return 0;
  return previous.state === 'retrying' || previous.replayName === subject.replayName ? previous.attempts : 0;
}

/**
 * Whoever wants an event once more wants one attempt after they asked, whichever message brings it: of two who ask at once,
 * and of copies that the queue hands out late, none is left with a wish of its own.
 */
export function isStillAskedFor(
  message: Pick<DeliverySubject, 'replayName' | 'sentAt'>,
  record: DeliveryRecord,
): boolean {
  // What the ledger sends for its next attempt enters the queue later than it was asked for.
  return message.replayName !== record.replayName && message.sentAt >= (record.lastAttemptAt ?? 0);
}

/** The attempt is a person's wish, and none of those that a retrying event has: its failure uses none of them up. */
export function isBesidesRetries(
  subject: Pick<DeliverySubject, 'replayName' | 'sentAt' | 'isResent'>,
  previous: DeliveryRecord | undefined,
): previous is DeliveryRecord {
  return subject.isResent === true && previous?.state === 'retrying' && isStillAskedFor(subject, previous);
}

/** The item after an attempt; `result` undefined: after none (it expired, or was called off). */
export function recordAfter(
  subject: DeliverySubject,
  previous: DeliveryRecord | undefined,
  result: AttemptResult | undefined,
  verdict: DeliveryVerdict,
  now: number,
): DeliveryRecord {
  const { subscriptionId, webhookId, eventType, occurredAt, messageId, sentAt, replayName } = subject;
  const delivered = verdict.state === 'delivered';
  const firstAttemptAt = previous?.firstAttemptAt ?? (result === undefined ? undefined : now);
  const isByHand = subject.isResent === true && (previous === undefined || isStillAskedFor(subject, previous));
  const counts = result !== undefined && (delivered || !isBesidesRetries(subject, previous));
  const record: { -readonly [Name in keyof DeliveryRecord]: DeliveryRecord[Name] } = {
    subscriptionId,
    webhookId,
    eventType,
    occurredAt,
    state: verdict.state,
    attempts: attemptsSoFar(subject, previous) + (counts ? 1 : 0),
    history: historyAfter(previous, result, isByHand, now),
    ttl: Math.floor(now / 1000) + (delivered ? deliveredRetentionSeconds : undeliveredRetentionSeconds),
    ...(result === undefined ? lastOf(previous) : lastAttempt(result, now)),
  };
  if (firstAttemptAt !== undefined) record.firstAttemptAt = firstAttemptAt;
  if ('reason' in verdict) record.reason = verdict.reason;
  if (verdict.state === 'retrying') {
    const at = verdict.nextAttemptAt;
    Object.assign(
      record,
      fitsIntoQueue(at, sentAt, now)
        ? carriedByMessage(webhookId, at, messageId, sentAt)
        : waitingInLedger(webhookId, at),
    );
  }
  // Attempts that go on belong to whoever began them, unless it is the event's own message.
  const goesOn = verdict.state === 'retrying' && previous?.state === 'retrying';
  const owner = goesOn && replayName !== undefined ? previous.replayName : replayName;
  if (!delivered) {
    record.event = eventToKeep(subject, owner, result !== undefined);
    if (subject.traceHeader !== undefined) record.traceHeader = subject.traceHeader;
    record.undeliveredAt = previous?.undeliveredAt ?? now;
  }
  if (owner !== undefined) record.replayName = owner;
  return record;
}

/** As the ledger sends it: for a further attempt in the name of whoever that belongs to. */
function eventToKeep(
  { event, isResent, replayName }: DeliverySubject,
  owner: string | undefined,
  wasTried: boolean,
): string {
  const isAsItCame = isResent === true ? !wasTried : replayName === owner;
  return isAsItCame ? event : retriedEnvelope(event, owner);
}

/** Whether a message can carry its event to an attempt at `at`. */
export function fitsIntoQueue(at: number, sentAt: number, now: number): boolean {
  return at - now <= maxQueueWaitSeconds * 1000 && at <= lastSafeInstant(sentAt);
}

/** Where a retry waits. What stood there before gives way to it. */
export type RetryPlace = Required<Pick<DeliveryRecord, 'nextAttemptAt' | 'dueAt' | 'dueShard'>> &
  Pick<DeliveryRecord, 'messageId' | 'queuedAt'>;

export function waitingInLedger(webhookId: string, at: number): RetryPlace {
  return { nextAttemptAt: at, dueAt: at, dueShard: dueShardOf(webhookId) };
}

export function carriedByMessage(webhookId: string, at: number, messageId: string, queuedAt: number): RetryPlace {
  return { nextAttemptAt: at, messageId, queuedAt, dueAt: at + lostAfterMs, dueShard: dueShardOf(webhookId) };
}

export function isInLedger({ state, dueAt, messageId }: DeliveryRecord): boolean {
  return state === 'retrying' && dueAt !== undefined && messageId === undefined;
}

/**
 * The item of an event whose message leaves the queue before its next attempt; for one that is not being tried yet that is
 * due since the message entered the queue. `takesOver`: its attempts belong to who sent this message from now on.
 */
export function recordInLedger(
  subject: DeliverySubject,
  previous: DeliveryRecord | undefined,
  takesOver: boolean,
  now: number,
): DeliveryRecord {
  const { webhookId, replayName: sender, traceHeader, sentAt } = subject;
  const record =
    previous?.state === 'retrying'
      ? previous
      : recordAfter(subject, previous, undefined, { state: 'retrying', nextAttemptAt: sentAt }, now);
  const { messageId: _, queuedAt: __, replayName, ...rest } = record;
  const owner = takesOver ? sender : replayName;
  const wasTried = previous !== undefined && !isStillAskedFor(subject, previous);
  return {
    ...rest,
    event: eventToKeep(subject, owner, wasTried),
    ...(traceHeader === undefined ? {} : { traceHeader }),
    ...waitingInLedger(webhookId, record.nextAttemptAt ?? 0),
    ...(owner === undefined ? {} : { replayName: owner }),
  };
}

/** Ids are digests, so any of their characters spread them evenly; some are chosen by hand. */
function dueShardOf(webhookId: string): number {
  const codes = [...webhookId.slice(-6)].map((character) => character.charCodeAt(0));
  return codes.reduce((sum, code) => sum + code, 0) % dueShards;
}

function historyAfter(
  previous: DeliveryRecord | undefined,
  result: AttemptResult | undefined,
  isByHand: boolean,
  now: number,
) {
  const history = previous?.history ?? [];
  if (result === undefined) return history;
  const how = result.kind === 'answered' ? { status: result.status } : { error: result.errorClass };
  const resent = result.resentOnFreshConnection ? { resent: true as const } : {};
  const byHand = isByHand ? { byHand: true as const } : {};
  return [...history, { at: now, durationMs: result.durationMs, ...how, ...resent, ...byHand }].slice(-historyLength);
}

function lastAttempt(result: AttemptResult, now: number) {
  const { durationMs } = result;
  if (result.kind === 'failed') {
    return { lastAttemptAt: now, durationMs, lastError: result.errorClass, lastErrorMessage: result.message };
  }
  const { status } = result;
  const kept = keptResponseBytes[status >= 200 && status < 300 ? 'success' : 'failure'];
  return { lastAttemptAt: now, durationMs, lastStatus: status, responseHead: firstBytes(result.responseHead, kept) };
}

/** As many whole characters as fit. */
function firstBytes(text: string, bytes: number): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read);
}

function lastOf(previous: DeliveryRecord | undefined): Partial<DeliveryRecord> {
  if (previous === undefined) return {};
  const { lastAttemptAt, lastStatus, lastError, lastErrorMessage, durationMs, responseHead } = previous;
  const last = { lastAttemptAt, lastStatus, lastError, lastErrorMessage, durationMs, responseHead };
  return Object.fromEntries(Object.entries(last).filter(([, value]) => value !== undefined));
}

/** It was tried for a subscription that had this id before, and was deleted: nobody else is to see or get it. */
export function isOfPredecessor(
  { firstAttemptAt, undeliveredAt, lastAttemptAt }: DeliveryRecord,
  state: Pick<SubscriptionState, 'acceptedAt'> | undefined,
): boolean {
  const triedAt = firstAttemptAt ?? undeliveredAt ?? lastAttemptAt;
  return triedAt !== undefined && triedAt < (state?.acceptedAt ?? 0);
}

/** What the ledger knows of an event at a subscription, without what it knows from a predecessor. */
export function ownRecord(
  record: DeliveryRecord | undefined,
  state: Pick<SubscriptionState, 'acceptedAt'> | undefined,
): DeliveryRecord | undefined {
  return record === undefined || isOfPredecessor(record, state) ? undefined : record;
}
