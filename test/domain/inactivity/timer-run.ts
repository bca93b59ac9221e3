import type { KnownActivity, Run, SeenBroadcast } from '../../../lab/support/inactivity-reference-model.ts';
import { type Activity, latest } from '../../../lambdas/domain/inactivity/activity.ts';
import {
  acceptedNoteOf,
  applyActivity,
  type Conversation,
  decideTimer,
  handOffDelaySeconds,
  handOffHorizonSeconds,
  sweepIntervalSeconds,
  timerShardOf,
  timerShards,
} from '../../../lambdas/domain/inactivity/inactivity-timer.ts';

export const timerLogic = { applyActivity, decideTimer, handOffDelaySeconds, timerShards: timerShards as number };
export type TimerLogic = typeof timerLogic;

/** One thing that happens in a history. An activity reaches the timers `delayMs` later. */
export type Step =
  | { kind: 'activity'; conversation: number; agoSeconds: number; what: KnownActivity['kind']; delayMs: number }
  | { kind: 'repeat'; index: number; delayMs: number }
  | { kind: 'wait'; seconds: number }
  | { kind: 'set-quiet-period'; seconds: number }
  | { kind: 'step-clock'; seconds: number }
  | { kind: 'miss-sweeps'; count: number };

export interface History {
  readonly quietSeconds: number;
  readonly steps: readonly Step[];
}

interface Posted {
  readonly conversation: string;
  readonly at: number;
  readonly what: KnownActivity['kind'];
}

const start = Date.UTC(2026, 10, 22);
const sweepEveryMs = sweepIntervalSeconds * 1000;

/**
 * Plays a history with what the domain decides about timers and nothing around it: a map of conversations, a queue with
 * delays of whole seconds, a sweep every minute. What crashes and races add, the simulator looks at.
 */
export function playHistory({ quietSeconds, steps }: History, logic: TimerLogic): Run {
  const conversations = new Map<string, Conversation>();
  const queue: { readonly at: number; readonly run: () => void }[] = [];
  const activities: KnownActivity[] = [];
  const broadcasts: SeenBroadcast[] = [];
  const quietPeriods = [{ since: start, seconds: quietSeconds }];
  const accepted = new Map<string, Partial<Conversation>>();
  const posted: Posted[] = [];
  let now = start;
  let clockOffsetMs = 0;
  let sweepsToMiss = 0;
  let disturbedMs = 0;

  const clock = (): number => now + clockOffsetMs;
  const quiet = (): number => quietPeriods.at(-1)?.seconds ?? quietSeconds;
  const later = (delayMs: number, run: () => void): unknown => queue.push({ at: now + delayMs, run });

  function post(activity: Posted, delayMs: number): void {
    posted.push(activity);
    const { conversation, at, what } = activity;
    const acceptedAt = now;
    // Ingest notes it before it answers; the timers hear of it later.
    const noted = accepted.get(conversation) ?? {};
    const [field, time] = acceptedNoteOf(activityOf(what, at));
    accepted.set(conversation, { ...noted, [field]: latest(noted[field], time) });
    later(delayMs, () => track(activity, acceptedAt));
  }

  function track({ conversation, at, what: kind }: Posted, acceptedAt: number): void {
    activities.push({ conversation, at, kind, knownFrom: now, knownBy: now, acceptedAt });
    const change = logic.applyActivity(conversations.get(conversation), activityOf(kind, at), quiet(), clock());
    if (change.kind === 'ignore') return;
    conversations.set(conversation, change.next);
    if (change.kind === 'arm') handOver(conversation, change.next.dueAt);
  }

  function handOver(conversation: string, dueAt: number): void {
    const delaySeconds = logic.handOffDelaySeconds(dueAt, clock());
    if (delaySeconds !== undefined) later(delaySeconds * 1000, () => look(conversation, dueAt));
  }

  function look(conversation: string, dueAt: number): void {
    const known = conversations.get(conversation) ?? { lastActivityAt: Number.NaN };
    const stored = { ...known, ...accepted.get(conversation) };
    const verdict = logic.decideTimer(stored, dueAt, quiet(), clock());
    if (verdict.kind === 'rearm') {
      conversations.set(conversation, verdict.next);
      handOver(conversation, verdict.next.dueAt);
    } else if (verdict.kind === 'disarm') {
      conversations.set(conversation, verdict.next);
    } else if (verdict.kind === 'fire') {
      const lastUpdated = verdict.lastActivityAt;
      const id = `${conversation} ${lastUpdated}`;
      broadcasts.push({ conversation, id, lastUpdated, publishedAt: now, clockAtPublish: clock() });
      const { dueAt: _due, ...fired } = stored;
      conversations.set(conversation, fired);
    }
  }

  function sweep(): void {
    later(sweepEveryMs, sweep);
    if (sweepsToMiss > 0) {
      sweepsToMiss--;
      return;
    }
    for (const [conversation, { dueAt }] of conversations) {
      const isSwept = timerShardOf(conversation) < logic.timerShards;
      if (isSwept && dueAt !== undefined && dueAt <= clock() + handOffHorizonSeconds * 1000) {
        handOver(conversation, dueAt);
      }
    }
  }

  function advance(ms: number): void {
    const until = now + ms;
    for (;;) {
      const next = queue.reduce(
        (one, other) => (other.at < one.at ? other : one),
        queue[0] ?? { at: until + 1, run() {} },
      );
      if (next.at > until) break;
      queue.splice(queue.indexOf(next), 1);
      now = next.at;
      next.run();
    }
    now = until;
  }

  later(sweepEveryMs, sweep);
  for (const step of steps) {
    switch (step.kind) {
      case 'activity': {
        // A time in the future is the time of arrival (drift-event.ts).
        // No two in one millisecond: which of them came first, nobody could tell.
        const at = Math.min(clock(), clock() - step.agoSeconds * 1000) - posted.length;
        post({ conversation: `1#${step.conversation}`, at, what: step.what }, step.delayMs);
        break;
      }
      case 'repeat': {
        const activity = posted[step.index % Math.max(1, posted.length)];
        if (activity !== undefined) post(activity, step.delayMs);
        break;
      }
      case 'wait':
        advance(step.seconds * 1000);
        break;
      case 'set-quiet-period':
        quietPeriods.push({ since: now, seconds: step.seconds });
        break;
      case 'step-clock':
        clockOffsetMs += step.seconds * 1000;
        disturbedMs += 2 * Math.abs(step.seconds) * 1000;
        break;
      case 'miss-sweeps':
        sweepsToMiss += step.count;
        disturbedMs += step.count * sweepEveryMs;
        break;
      default:
        throw step satisfies never;
    }
  }
  // Undisturbed: the whole second to which SQS delays, and the time for which an activity is under way.
  const toleranceMs = disturbedMs === 0 ? 2_000 : 2_000 + sweepEveryMs + disturbedMs;
  sweepsToMiss = 0;
  advance((2 * Math.max(...quietPeriods.map(({ seconds }) => seconds)) + 300) * 1000 + toleranceMs);
  return {
    activities,
    broadcasts,
    quietPeriods,
    endedAt: now,
    toleranceMs,
    maxRepeats: posted.filter(isLateClose).length,
  };
}

/** What reopens a conversation after such a close arms its timer again, though it may have fired: once more, under the same id. */
function isLateClose({ conversation, at, what }: Posted, index: number, posted: readonly Posted[]): boolean {
  return (
    what === 'closes' &&
    posted.slice(0, index).some((earlier) => earlier.conversation === conversation && earlier.at > at)
  );
}

function activityOf(kind: KnownActivity['kind'], at: number): Activity {
  switch (kind) {
    case 'opens':
      return { at, openedAt: at };
    case 'closes':
      return { at, closedAt: at };
    case 'note':
      return { at };
    case 'settles':
      return { settledAt: at };
    default:
      throw kind satisfies never;
  }
}
