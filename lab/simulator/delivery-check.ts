import { createHmac } from 'node:crypto';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { WebhookRequest } from '../../lambdas/domain/deliveries/webhook-request.ts';
import type { StoredSubscription, SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';
import type { LedgerWatch } from './delivery-table.ts';
import type { EndpointAnswer } from './endpoints.ts';
import type { Invocation } from './invocation.ts';
import type { Fact, PublishedEvents } from './published-events.ts';
import type { SubscriptionCheck } from './subscription-check.ts';
import type { Violations } from './violations.ts';

/** Seconds after the first, second, … failed attempt before which there is no next: written again from the documentation. */
const retryDelaysSeconds = [
  5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 36_000, 36_000, 36_000, 36_000, 36_000, 36_000,
];
const maxAttempts = retryDelaysSeconds.length + 1;
const maxHistory = 20;
/** Fewer that failed do not shut an endpoint off; written again from the documentation. */
const eventsToOpen = 10;

interface Attempt {
  readonly at: number;
  readonly invocation: Invocation;
  readonly url: string;
  readonly webhookId: string;
  /** The step at which its batch was read: within a millisecond the order counts. */
  readonly readAtStep: number;
  /** Undefined until the endpoint has made up its mind, which it does at once. */
  answer?: EndpointAnswer;
  endsAt: number;
  /** The step at which the ledger took it, and which attempt it was by the ledger's count. */
  writtenAtStep?: number;
  writtenAs?: number;
  /** The ledger took it for a resend that is none of the attempts. */
  isBesidesRetries?: boolean;
}

/** What an invocation last read of its subscription. */
interface Reading {
  readonly step: number;
  readonly stored: StoredSubscription;
  readonly records: ReadonlyMap<string, DeliveryRecord>;
}

interface Rest {
  readonly until: number;
  /** From this step on the system knows of it. */
  readonly knownFromStep: number;
}

interface Resend {
  readonly at: number;
  /** Undefined until an answer comes, or where none does. */
  acceptedAt?: number;
}

/** Why a subscriber may have got an event twice: the two windows that the design leaves open. */
export type DoubleKind = 'crash-before-ledger' | 'copies-at-once';

interface Options {
  readonly now: () => number;
  /** Rises with everything that happens. */
  readonly step: () => number;
  readonly violations: Violations;
  readonly facts: PublishedEvents;
  readonly subscriptions: SubscriptionCheck;
  readonly lookUp: (subscriptionId: string) => StoredSubscription;
}

/** Watches every attempt, and every write to the ledger. */
export class DeliveryCheck implements LedgerWatch {
  readonly doubles: Record<DoubleKind, number> = {
    'crash-before-ledger': 0,
    'copies-at-once': 0,
  };
  attempts = 0;
  accepted = 0;
  readonly #options: Options;
  readonly #attempts = new Map<string, Attempt[]>();
  readonly #readings = new WeakMap<Invocation, Reading>();
  /** Answers whose consequences for the endpoint are told when the invocation ends. */
  readonly #heard = new Map<
    Invocation,
    { readonly subscriptionId: string; readonly url: string; readonly answer: EndpointAnswer }[]
  >();
  /** When somebody last gave an endpoint another chance, and what it was then. */
  readonly #liftedAt = new Map<string, { readonly endpoint: string; readonly at: number }>();
  /** What speaks against each endpoint since its failures were last counted from nothing. */
  readonly #against = new Map<string, number[]>();
  readonly #open = new Set<string>();
  /** Events that had their end other than by a cancelled replay. */
  readonly #ended = new Set<string>();
  readonly #rests = new Map<string, Rest>();
  /** The endpoint that each state record speaks of, and the step since which it does: what was heard of another is void. */
  readonly #appliedEndpoints = new Map<string, { readonly endpoint: string | undefined; readonly sinceStep: number }>();
  /** Who wants an event once more, in their order: by subscription and event. */
  readonly #resends = new Map<string, Resend[]>();
  /** Those that came twice in one of the two windows. */
  readonly #doubled = new Set<string>();

  constructor(options: Options) {
    this.#options = options;
  }

  onRead(invocation: Invocation, subscriptionId: string, records: ReadonlyMap<string, DeliveryRecord>): void {
    this.#readings.set(invocation, {
      step: this.#options.step(),
      stored: this.#options.lookUp(subscriptionId),
      records,
    });
  }

  /** Somebody has changed the subscription: what its endpoint asked for before is void. */
  onConfig(subscriptionId: string): void {
    this.#rests.delete(subscriptionId);
    const { url, status, resumedAt } = this.#options.lookUp(subscriptionId).config ?? {};
    const endpoint = JSON.stringify([url, status, resumedAt]);
    if (this.#liftedAt.get(subscriptionId)?.endpoint === endpoint) return;
    this.#liftedAt.set(subscriptionId, { endpoint, at: this.#options.now() });
  }

  onAttempt(invocation: Invocation, subscriptionId: string, request: WebhookRequest): Attempt {
    const now = this.#options.now();
    this.attempts++;
    const id = request.headers['webhook-id'] ?? '';
    const about = [id, subscriptionId];
    const earlier = this.#attempts.get(pairKey(subscriptionId, id)) ?? [];
    const reading = this.#readings.get(invocation);
    const attempt: Attempt = {
      at: now,
      invocation,
      url: request.url,
      webhookId: id,
      readAtStep: reading?.step ?? this.#options.step(),
      endsAt: now,
    };
    const fact = this.#options.facts.get(id);
    if (fact === undefined) this.#report('only what was published is delivered', `${id} was never on the bus`, about);
    else this.#checkContent(fact, subscriptionId, request, about);
    if (reading === undefined) this.#report('a batch is read before it is delivered', `${id} was not`, about);
    else {
      const wanted = this.#resends.get(pairKey(subscriptionId, id)) ?? [];
      // A person who wants one event now overrules the rest, for one attempt.
      const isWantedNow = wanted.some(
        (resend) => !earlier.some((one) => one.at >= queuedBy(resend) && isKnownTo(reading, one)),
      );
      this.#checkSubscriber(reading, subscriptionId, request, about, isWantedNow);
      for (const previous of earlier) this.#checkAgainst(previous, attempt, reading, earlier, about);
    }
    earlier.push(attempt);
    this.#attempts.set(pairKey(subscriptionId, id), earlier);
    return attempt;
  }

  /** Returns what is to be called once the resend is accepted. */
  onResend(subscriptionId: string, webhookId: string): () => void {
    const key = pairKey(subscriptionId, webhookId);
    const resend: Resend = { at: this.#options.now() };
    this.#resends.set(key, [...(this.#resends.get(key) ?? []), resend]);
    this.#options.facts.get(webhookId)?.may.add(subscriptionId);
    return () => {
      resend.acceptedAt = this.#options.now();
    };
  }

  onAnswer(attempt: Attempt, subscriptionId: string, answer: EndpointAnswer): void {
    attempt.answer = answer;
    attempt.endsAt = attempt.at + answer.afterMs;
    if (is2xx(attempt)) this.accepted++;
    // After a crash, or of two copies at once, an event is tried for the first time twice.
    const known = this.#readings.get(attempt.invocation)?.records.get(attempt.webhookId);
    const isFirst = known?.state !== 'retrying' || known.attempts === 0 || this.#isOfPredecessor(known);
    if (isAgainst(answer) && isFirst) {
      const against = this.#against.get(subscriptionId) ?? [];
      this.#against.set(subscriptionId, against);
      against.push(attempt.endsAt);
    }
    const heard = this.#heard.get(attempt.invocation) ?? [];
    heard.push({ subscriptionId, url: attempt.url, answer });
    this.#heard.set(attempt.invocation, heard);
  }

  onState(subscriptionId: string, state: SubscriptionState | undefined): void {
    const now = this.#options.now();
    const endpoint = state?.appliedEndpoint;
    if (endpoint === undefined || this.#appliedEndpoints.get(subscriptionId)?.endpoint !== endpoint) {
      this.#rests.delete(subscriptionId);
      this.#appliedEndpoints.set(subscriptionId, { endpoint, sinceStep: this.#options.step() });
    }
    const lifted = this.#liftedAt.get(subscriptionId);
    // What was tried between the change and the run that carries it out is tried again with the rest.
    if (state?.retryNowSince !== undefined && lifted !== undefined) {
      // So is a rest that was asked for meanwhile.
      if (state.retryNowSince > lifted.at) this.#rests.delete(subscriptionId);
      this.#liftedAt.set(subscriptionId, { ...lifted, at: Math.max(lifted.at, state.retryNowSince) });
    }
    const isOpen = state?.circuit?.state === 'open';
    const against = this.#against.get(subscriptionId) ?? [];
    // One that was given a rest fails its probes, too.
    if (isOpen && state.circuit.reason === 'failing' && !this.#open.has(subscriptionId)) {
      if (against.length < eventsToOpen) {
        const text = `${subscriptionId}: ${against.length} events failed in a way that speaks against it`;
        this.#report('an endpoint is shut off when it does not work', text, [subscriptionId]);
      }
    }
    if (isOpen) this.#open.add(subscriptionId);
    else this.#open.delete(subscriptionId);
    // Batches that are under way may count yet what they heard before.
    if (state?.failures === undefined) {
      this.#against.set(
        subscriptionId,
        against.filter((at) => at > now - 2 * 60_000),
      );
    }
  }

  onEnd(invocation: Invocation): void {
    const heard = this.#heard.get(invocation);
    this.#heard.delete(invocation);
    if (heard === undefined || invocation.isDisturbed) return;
    const readAtStep = this.#readings.get(invocation)?.step ?? 0;
    for (const { subscriptionId, url, answer } of heard) {
      // Deleted and made again, moved or given another chance meanwhile: what was asked before binds nobody.
      if (readAtStep <= (this.#appliedEndpoints.get(subscriptionId)?.sinceStep ?? -1)) continue;
      // What is heard of a place that was left meanwhile says nothing of the new one.
      if (this.#options.lookUp(subscriptionId).config?.url !== url) continue;
      const until = answer.isGone ? Number.POSITIVE_INFINITY : answer.restUntil;
      if (until === undefined || until <= (this.#rests.get(subscriptionId)?.until ?? 0)) continue;
      this.#rests.set(subscriptionId, { until, knownFromStep: this.#options.step() });
    }
  }

  onWrite(invocation: Invocation, records: readonly DeliveryRecord[]): void {
    const now = this.#options.now();
    for (const record of records) {
      const { subscriptionId, webhookId } = record;
      const attempts = this.#attempts.get(pairKey(subscriptionId, webhookId)) ?? [];
      const known = this.#readings.get(invocation)?.records.get(webhookId);
      for (const attempt of attempts) {
        if (attempt.invocation !== invocation || attempt.writtenAtStep !== undefined) continue;
        attempt.writtenAtStep = this.#options.step();
        attempt.writtenAs = record.attempts;
        // What had its end begins again when it is replayed.
        const before = known?.state === 'retrying' ? known.attempts : 0;
        // So does what a replay brings of a subscription that was deleted to the next one of its id.
        const isAnew = record.attempts === 1 && known !== undefined && this.#isOfPredecessor(known);
        const isByHand = record.history.at(-1)?.byHand === true;
        attempt.isBesidesRetries =
          isByHand &&
          known?.state === 'retrying' &&
          record.attempts === before &&
          this.#resends.has(pairKey(subscriptionId, webhookId));
        // An overloaded endpoint has half a minute of rest that it did not ask for.
        const latest = Math.max(known?.nextAttemptAt ?? 0, attempt.answer?.notBefore ?? 0, now + 30_000);
        // Its answer is read a moment after it was given.
        if (attempt.isBesidesRetries && (record.nextAttemptAt ?? 0) > latest + 1_000) {
          const text = `${webhookId} was due at ${time(latest)}, and after a resend at ${time(record.nextAttemptAt ?? 0)}`;
          this.#report('a failed resend postpones no retry', text, [webhookId, subscriptionId]);
        }
        if (record.attempts !== before + 1 && !isAnew && !attempt.isBesidesRetries) {
          const text = `${webhookId} was tried ${before} times, and ${record.attempts} times after one more`;
          this.#report('the ledger says what happened', text, [webhookId, subscriptionId]);
        }
      }
      if (record.reason !== undefined && !/cancelled/.test(record.reason))
        this.#ended.add(pairKey(subscriptionId, webhookId));
      const fault = faultOfRecord(record, attempts, now);
      if (fault !== undefined)
        this.#report('the ledger says what happened', `${webhookId} for ${subscriptionId} is ${fault}`, [
          webhookId,
          subscriptionId,
        ]);
    }
  }

  /** Every event reached each subscriber that it must reach, or has a final state with a reason. */
  checkEnd(recordOf: (subscriptionId: string, webhookId: string) => DeliveryRecord | undefined): void {
    for (const [key, resends] of this.#resends) {
      const [subscriptionId = '', webhookId = ''] = key.split(' ');
      const at = resends.findLast(({ acceptedAt }) => acceptedAt !== undefined)?.at;
      if (at === undefined || this.#options.subscriptions.wasDeletedAfter(subscriptionId, at)) continue;
      if (this.#attempts.get(key)?.some((attempt) => is2xx(attempt) && attempt.endsAt >= at)) continue;
      const record = recordOf(subscriptionId, webhookId);
      if (record?.state === 'exhausted' || record?.state === 'discarded') continue;
      const text = `${webhookId} did not reach ${subscriptionId} after ${time(at)}`;
      this.#report('a resend is delivered once more, or ends with a reason', text, [webhookId, subscriptionId]);
    }
    for (const fact of this.#options.facts.all()) {
      for (const [subscriptionId, since] of fact.must) {
        if (this.#options.subscriptions.wasDeletedAfter(subscriptionId, since)) continue;
        if (this.#options.facts.isReached(fact, subscriptionId, (id) => this.isAccepted(subscriptionId, id))) continue;
        const record = recordOf(subscriptionId, fact.id);
        // A replay that is cancelled takes nothing along but what it began itself.
        // Where the ledger took no earlier attempt, it cannot know that the event was there before.
        const attempts = this.#attempts.get(pairKey(subscriptionId, fact.id)) ?? [];
        const isUnknown = attempts.some(({ writtenAtStep }) => writtenAtStep === undefined);
        const mayEnd = record?.reason !== undefined && (isUnknown || !/cancelled/.test(record.reason));
        const hasEnded = mayEnd || this.#ended.has(pairKey(subscriptionId, fact.id));
        if (hasEnded && (record?.state === 'exhausted' || record?.state === 'discarded')) continue;
        this.#report(
          'every event reaches each active subscriber, or ends with a reason',
          `${fact.type} ${fact.id} did not reach ${subscriptionId}; the ledger says ${record?.state ?? 'nothing'}`,
          [fact.id, subscriptionId],
        );
      }
    }
  }

  /** Whether the endpoint took it, in an attempt since then (epoch ms). */
  isAccepted(subscriptionId: string, webhookId: string, since = 0): boolean {
    return this.#accepted(subscriptionId, webhookId).some(({ at }) => at >= since);
  }

  /** Whether the ledger was told of an attempt that the endpoint took. */
  isWritten(subscriptionId: string, webhookId: string): boolean {
    return this.#accepted(subscriptionId, webhookId).some(({ writtenAtStep }) => writtenAtStep !== undefined);
  }

  #accepted(subscriptionId: string, webhookId: string): Attempt[] {
    return this.#attempts.get(pairKey(subscriptionId, webhookId))?.filter(is2xx) ?? [];
  }

  #checkContent(fact: Fact, subscriptionId: string, request: WebhookRequest, about: string[]): void {
    if (!fact.bodies.has(request.body)) {
      this.#report('a subscriber gets the event as it was', `${fact.id} was sent as ${request.body}`, about);
    }
    if (!fact.may.has(subscriptionId)) {
      this.#report(
        'no event reaches a subscriber that did not ask for it',
        `${fact.type} ${fact.id} went to ${subscriptionId}`,
        about,
      );
    }
  }

  #checkSubscriber(
    { step, stored }: Reading,
    subscriptionId: string,
    request: WebhookRequest,
    about: string[],
    isWantedNow: boolean,
  ): void {
    const now = this.#options.now();
    const { config, state } = stored;
    const obstacle =
      config === undefined
        ? 'was deleted'
        : config.status === 'paused'
          ? 'was paused'
          : state?.disabled !== undefined
            ? 'was disabled'
            : state?.provisioning === 'rejected'
              ? 'was rejected'
              : undefined;
    if (obstacle !== undefined) {
      this.#report(
        'nothing is sent to a subscriber that is not active',
        `${subscriptionId} ${obstacle} when the batch was read`,
        about,
      );
      return;
    }
    if (request.url !== config?.url) {
      this.#report(
        'a change of url holds with the next batch',
        `${request.url} instead of ${String(config?.url)}`,
        about,
      );
    }
    // Computing each signature a second time would cost more than all other checks together.
    if (this.attempts % 5 === 0 && !isSigned(request, stored, now))
      this.#report('every delivery is signed', `${subscriptionId}: no signature fits`, about);
    const rest = this.#rests.get(subscriptionId);
    const mayPass = isWantedNow && rest !== undefined && Number.isFinite(rest.until);
    if (rest !== undefined && step > rest.knownFromStep && now < rest.until && !mayPass) {
      const wish = Number.isFinite(rest.until) ? `no attempt before ${time(rest.until)}` : 'nothing more';
      this.#report('an endpoint is left alone for as long as it asks', `${subscriptionId} asked for ${wish}`, about);
    }
  }

  /** An attempt after an earlier one of the same event: after a success there is none, and after a failure none too early. */
  #checkAgainst(
    previous: Attempt,
    attempt: Attempt,
    reading: Reading,
    earlier: readonly Attempt[],
    about: string[],
  ): void {
    // Whoever had this id before, and was deleted, was another subscriber.
    const isOfPredecessor = ({ endsAt }: Attempt) => endsAt < (reading.stored.state?.acceptedAt ?? 0);
    if (isOfPredecessor(previous)) return;
    const isKnownToReader = (one: Attempt) => isKnownTo(reading, one);
    const overlapping = ({ invocation }: Attempt) =>
      invocation.endedAtStep === undefined ||
      invocation.endedAtStep >= reading.step ||
      invocation === attempt.invocation;
    const isExcused = (one: Attempt) => !isKnownToReader(one) && (overlapping(one) || one.invocation.isDisturbed);
    const isKnown = isKnownToReader(previous);
    const key = pairKey(about[1] ?? '', about[0] ?? '');
    const resends = this.#resends.get(key) ?? [];
    if (is2xx(previous)) {
      // Each resend is one more, and not more.
      const taken = earlier.filter((one) => is2xx(one) && !isExcused(one) && !isOfPredecessor(one)).length;
      if (isExcused(previous)) {
        this.doubles[overlapping(previous) ? 'copies-at-once' : 'crash-before-ledger']++;
        this.#doubled.add(key);
      } else if (resends.length === 0 || (taken > resends.length && !this.#doubled.has(key))) {
        const when = `was accepted at ${time(previous.endsAt)}, and is sent again`;
        this.#report('at most one 2xx for each event and subscriber', `${about[0]} ${when}`, about);
      }
      return;
    }
    // The ledger knows the attempt that was written last; a resend besides the retries counts for none of them.
    const isLatest = earlier.every(
      ({ writtenAtStep = 0, isBesidesRetries }) =>
        (isBesidesRetries === true && previous.isBesidesRetries !== true) ||
        writtenAtStep <= (previous.writtenAtStep ?? 0) ||
        writtenAtStep > reading.step,
    );
    if (!isKnown || !isLatest) return;
    const known = reading.records.get(about[0] ?? '');
    const isLifted = (this.#liftedAt.get(about[1] ?? '')?.at ?? 0) >= previous.at;
    // What somebody wants now does not wait for the next retry: once, after the attempt that came before.
    const isAskedFor = resends.some((one) => queuedBy(one) >= previous.at);
    if (isAskedFor || isLifted || (known !== undefined && known.state !== 'retrying')) return;
    // Of two copies that were tried at once the ledger counts one, and none of those whose function crashed.
    const counted = previous.writtenAs ?? 0;
    const delaySeconds = retryDelaysSeconds[counted - 1];
    const waited = (attempt.at - previous.endsAt) / 1000;
    if (previous.isBesidesRetries) {
      // The next of the retries may follow at once.
    } else if (delaySeconds === undefined) {
      this.#report('an event is tried 16 times', `${about[0]} is tried once more`, about);
    } else if (waited < delaySeconds) {
      const text = `attempt ${counted + 1} came ${waited} s after the one before, not ${delaySeconds} s`;
      this.#report('a retry is never early', text, about);
    }
    const { notBefore } = previous.answer ?? {};
    if (notBefore !== undefined && attempt.at < notBefore) {
      this.#report('Retry-After is obeyed', `no attempt was wanted before ${time(notBefore)}`, about);
    }
  }

  #isOfPredecessor({ subscriptionId, firstAttemptAt = Number.POSITIVE_INFINITY }: DeliveryRecord): boolean {
    return firstAttemptAt < (this.#options.lookUp(subscriptionId).state?.acceptedAt ?? 0);
  }

  #report(invariant: string, text: string, about: readonly string[]): void {
    this.#options.violations.report(invariant, text, about);
  }
}

/** Whoever read the ledger then could see it there. */
function isKnownTo({ step }: Reading, { writtenAtStep }: Attempt): boolean {
  return writtenAtStep !== undefined && writtenAtStep <= step;
}

/** When its message is in the queue at the latest, if it is at all: `manage` runs for 29 s. */
function queuedBy({ at, acceptedAt = at + 30_000 }: Resend): number {
  return acceptedAt;
}

function pairKey(subscriptionId: string, webhookId: string): string {
  return `${subscriptionId} ${webhookId}`;
}

/** The endpoint answered so within the time that the sender waits. */
function is2xx({ answer }: Attempt): boolean {
  return answer?.accepted === true && answer.result.kind === 'answered';
}

/** It does not work; another answer is about the event. */
function isAgainst({ result }: EndpointAnswer): boolean {
  if (result.kind === 'failed') return true;
  const { status, headers } = result;
  if (headers['webhook-delivery'] !== undefined) return false;
  return (status >= 300 && status < 400) || status === 408 || status === 429 || status >= 500;
}

function faultOfRecord(record: DeliveryRecord, attempts: readonly Attempt[], now: number): string | undefined {
  const { state, history, ttl, event, reason } = record;
  if (history.length > maxHistory) return `kept with ${history.length} attempts of history`;
  if (!(ttl > now / 1000)) return 'kept without a time to live';
  if (record.attempts > maxAttempts) return `tried ${record.attempts} times`;
  if (state === 'delivered') {
    if (event !== undefined) return 'kept with its event after it was delivered';
    return attempts.some(is2xx) ? undefined : 'said to be delivered, though the endpoint took it never';
  }
  if (state === 'retrying') {
    if (record.nextAttemptAt === undefined) return 'retrying without a time';
    if (event === undefined) return 'retrying without its event';
    return record.dueAt === undefined ? 'retrying, and nobody looks after it' : undefined;
  }
  if (reason === undefined || reason === '') return `${state} without a reason`;
  if (event === undefined) return `${state} without its event`;
  const isExpired = /expired|14 days/.test(reason);
  return state === 'exhausted' && !isExpired && attempts.length < maxAttempts
    ? `given up after ${attempts.length} attempts`
    : undefined;
}

/** Standard Webhooks, with a secret of the subscription. */
function isSigned(request: WebhookRequest, { config, state }: StoredSubscription, now: number): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = request.headers;
  const secrets = (Array.isArray(config?.secrets) ? config.secrets : (state?.generatedSecrets ?? [])) as readonly {
    readonly secret: string;
  }[];
  if (Math.abs(Number(timestamp) - now / 1000) > 60) return false;
  return secrets.some(({ secret }) => {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${request.body}`).digest('base64');
    return signatures.split(' ').includes(`v1,${expected}`);
  });
}

function time(instant: number): string {
  return new Date(instant).toISOString().slice(5, 19).replace('T', ' ');
}
