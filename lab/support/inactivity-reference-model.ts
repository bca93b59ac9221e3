/**
 * When is a conversation ready to be consumed? Written again, independently of the product and slow on purpose: a
 * plain list of what happened and a loop over seconds. It imports nothing of the product.
 *
 * It checks a finished run. Each activity carries the span in which it became known (handling it may crash and be
 * repeated, so its beginning and its end can differ); between the two, both answers are right.
 */
export interface KnownActivity {
  readonly conversation: string;
  /** The activity's own time, epoch ms. */
  readonly at: number;
  /** `settles`: no activity, but Drift's own word that nothing has happened since. `note`: neither opens nor closes. */
  readonly kind: 'opens' | 'closes' | 'note' | 'settles';
  /** When it was answered as accepted: from then on nothing may be told that it contradicts. */
  readonly acceptedAt?: number;
  /** From when on the product may know of it, though nobody was told so. Default: `knownFrom`. */
  readonly perhapsFrom?: number;
  /** First moment at which its handling may have had an effect. */
  readonly knownFrom: number;
  /** Last moment at which it is sure to have had it. */
  readonly knownBy: number;
}

export interface SeenBroadcast {
  readonly conversation: string;
  readonly id: string;
  readonly lastUpdated: number;
  readonly publishedAt: number;
  /** When the run that began to publish it began: what became known since, it may have missed. Default `publishedAt`. */
  readonly lookedFrom?: number;
  /** What the function's clock said when it began to publish: clocks may be off. */
  readonly clockAtPublish: number;
}

export interface Run {
  readonly activities: readonly KnownActivity[];
  readonly broadcasts: readonly SeenBroadcast[];
  /** Quiet periods as they were set: from `since` (epoch ms) on. The first has the beginning of the run. */
  readonly quietPeriods: readonly { readonly since: number; readonly seconds: number }[];
  readonly endedAt: number;
  /** How much later than due a look may come, for what was injected into this run. */
  readonly toleranceMs: number;
  /** How often an event may be published once more, under one id, for what was injected into this run. */
  readonly maxRepeats: number;
  /** How far apart the moments are at which the model looks. Default a second. */
  readonly stepMs?: number;
}

/** What is wrong with a run, in words; empty when all is right. */
export function checkRun(run: Run): string[] {
  const conversations = new Set([...run.activities, ...run.broadcasts].map(({ conversation }) => conversation));
  return [...conversations].flatMap((conversation) => checkConversation(conversation, run));
}

function checkConversation(conversation: string, run: Run): string[] {
  const activities = run.activities.filter((activity) => activity.conversation === conversation);
  const broadcasts = run.broadcasts.filter((broadcast) => broadcast.conversation === conversation);
  const wrong: string[] = [];

  for (const { id, lastUpdated, publishedAt, lookedFrom = publishedAt, clockAtPublish } of broadcasts) {
    const cause = activities.find(
      (one) =>
        one.at === lastUpdated && (one.kind === 'opens' || one.kind === 'note') && perhapsKnownFrom(one) <= publishedAt,
    );
    if (cause === undefined) {
      wrong.push(`${conversation}: inactive at ${publishedAt} for ${lastUpdated}, at which there was no activity`);
      continue;
    }
    // What is told again under one id, so that the rest can follow, says nothing new.
    if (broadcasts.some((other) => other.id === id && other.publishedAt < publishedAt)) continue;
    const later = activities.find(
      (other) => Math.min(other.knownBy, other.acceptedAt ?? other.knownBy) < lookedFrom && supersedes(other, cause),
    );
    if (later !== undefined) {
      wrong.push(
        `${conversation}: inactive at ${publishedAt} for ${lastUpdated}, though ${later.kind} of ${later.at} was known or accepted`,
      );
    }
    const close = activities.find(
      (other) =>
        other.kind === 'closes' &&
        other.knownBy < lookedFrom &&
        !activities.some(({ kind, at, knownFrom }) => kind === 'opens' && at > other.at && knownFrom <= publishedAt),
    );
    if (close !== undefined) {
      wrong.push(`${conversation}: inactive at ${publishedAt}, though closed since ${close.at}`);
    }
    // A setting that changes at the very instant, or since it began, may or may not have been seen.
    const instants = [lookedFrom - 1, publishedAt, ...run.quietPeriods.map(({ since }) => since)];
    const seen = instants.filter((instant) => instant >= lookedFrom - 1 && instant <= publishedAt);
    if (clockAtPublish < lastUpdated + Math.min(...seen.map((instant) => quietMsAt(run, instant)))) {
      wrong.push(`${conversation}: inactive at ${publishedAt}, less than the quiet period after ${lastUpdated}`);
    }
  }

  for (const lastUpdated of new Set(broadcasts.map((broadcast) => broadcast.lastUpdated))) {
    const same = broadcasts.filter((broadcast) => broadcast.lastUpdated === lastUpdated);
    if (new Set(same.map(({ id }) => id)).size > 1)
      wrong.push(`${conversation}: two ids for the quiet period after ${lastUpdated}`);
    if (same.length > 1 + run.maxRepeats)
      wrong.push(`${conversation}: inactive ${same.length} times for ${lastUpdated}`);
  }

  const firstKnown = Math.min(...activities.map(({ knownFrom }) => knownFrom));
  const missed = new Set<number>();
  for (let second = firstKnown; second <= run.endedAt; second += run.stepMs ?? 1000) {
    const awaited = awaitedAt(activities, run, second);
    if (awaited === undefined || missed.has(awaited)) continue;
    if (broadcasts.some(({ lastUpdated, publishedAt }) => lastUpdated === awaited && publishedAt <= second)) continue;
    missed.add(awaited);
    wrong.push(`${conversation}: still not inactive at ${second}, though quiet since ${awaited}`);
  }
  return wrong;
}

/** The last activity, if at this second it must long since have been told as a quiet period. */
function awaitedAt(activities: readonly KnownActivity[], run: Run, second: number): number | undefined {
  const known = activities.filter(({ knownBy }) => knownBy <= second);
  const perhapsKnown = activities.filter((one) => perhapsKnownFrom(one) <= second);
  const latest = known.find((one) => one.kind !== 'settles' && !known.some((other) => supersedes(other, one)));
  if (latest === undefined || latest.kind === 'closes') return undefined;
  if (perhapsKnown.some((other) => supersedes(other, latest))) return undefined;
  const openings = known.filter(({ kind }) => kind === 'opens');
  const isPerhapsClosed = perhapsKnown.some(
    ({ kind, at }) => kind === 'closes' && !openings.some((opening) => opening.at > at),
  );
  if (isPerhapsClosed) return undefined;
  let quietMs = Math.max(quietMsAt(run, latest.knownFrom), quietMsAt(run, latest.knownFrom - 1));
  for (const { since, seconds } of run.quietPeriods) {
    if (since >= latest.knownFrom && since <= second) quietMs = Math.max(quietMs, seconds * 1000);
  }
  // What arrives when its quiet period is over is given a moment for the rest of its burst; so is what reopens.
  const burstBy = Math.max(latest.knownBy, ...openings.map(({ knownBy }) => knownBy));
  const dueAt = Math.max(latest.at + quietMs, burstBy + 5_000);
  return second > dueAt + run.toleranceMs ? latest.at : undefined;
}

function perhapsKnownFrom({ knownFrom, acceptedAt = knownFrom, perhapsFrom = knownFrom }: KnownActivity): number {
  return Math.min(knownFrom, acceptedAt, perhapsFrom);
}

/** Later wins; at the same instant a close does. Drift's own word covers what lies before it, to the minute. */
function supersedes(other: KnownActivity, one: KnownActivity): boolean {
  if (other.kind === 'settles') return one.at < other.at + 60_000;
  return other.at > one.at || (other.at === one.at && other.kind === 'closes' && one.kind !== 'closes');
}

function quietMsAt(run: Run, instant: number): number {
  let seconds = run.quietPeriods[0]?.seconds ?? 0;
  for (const period of run.quietPeriods) if (period.since <= instant) seconds = period.seconds;
  return seconds * 1000;
}
