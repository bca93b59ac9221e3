import middy from '@middy/core';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { deriveBroadcasts } from '../../domain/events/derive.ts';
import { eventTypes } from '../../domain/events/event-types.ts';
import type { LegacyTimeline } from '../../domain/events/legacy-timeline.ts';
import { readConversationKey } from '../../domain/inactivity/conversation-key.ts';
import {
  type Conversation,
  decideTimer,
  handOffDelaySeconds,
  leased,
  published,
  unpublished,
} from '../../domain/inactivity/inactivity-timer.ts';
import { integerValue } from '../../json/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventPublisher, PublishOutcome } from '../../ports/event-publisher.ts';
import type { Log, Metrics } from '../../ports/telemetry.ts';
import { eachGroup, isRedelivered } from '../../sqs/batch-item-failures.ts';
import { flushMetrics } from '../../telemetry/flush-metrics.ts';
import type { ConversationStore, DueTimer, QuietPeriods, TimerQueue } from '../ports.ts';

export interface EmitInactivityDeps {
  readonly conversations: ConversationStore;
  readonly quietPeriods: QuietPeriods;
  readonly timers: TimerQueue;
  readonly publisher: EventPublisher;
  readonly timeline: LegacyTimeline;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

const quietPeriodCause = 'quiet_period';

/** Looks at a conversation whose timer came due: publishes `conversation_inactive`, or sets the timer anew. */
export function createEmitInactivityHandler(deps: EmitInactivityDeps) {
  const { conversations, quietPeriods, timers, clock, metrics, log } = deps;

  async function handOff(conversationKey: string, dueAt: number): Promise<void> {
    const delaySeconds = handOffDelaySeconds(dueAt, clock());
    if (delaySeconds !== undefined) await timers.schedule([{ conversationKey, dueAt, delaySeconds }]);
  }

  async function look({ conversationKey, dueAt }: DueTimer, redelivered: boolean): Promise<void> {
    const { orgId, conversationId } = readConversationKey(conversationKey);
    const quietSeconds = (await quietPeriods.ofOrgs([orgId])).get(orgId) ?? Number.NaN;
    let setFor = dueAt;
    let done: number | undefined;
    for (;;) {
      const stored = await conversations.read(conversationKey);
      const verdict = decideTimer(stored, setFor, quietSeconds, clock());
      switch (verdict.kind) {
        case 'stale':
          // The first run may have ended between setting the timer anew and handing it over.
          if (redelivered && stored?.dueAt !== undefined) await handOff(conversationKey, stored.dueAt);
          return;
        case 'rearm': {
          const { next } = verdict;
          if (!(await conversations.replace(conversationKey, stored, next))) continue;
          return handOff(conversationKey, next.dueAt);
        }
        case 'disarm':
          if (!(await conversations.replace(conversationKey, stored, verdict.next))) continue;
          return;
        case 'fire': {
          const { lastActivityAt, since } = verdict;
          let before = stored ?? { lastActivityAt };
          if (done !== lastActivityAt) {
            const taken = leased(before, lastActivityAt, since, clock());
            if (!(await conversations.replace(conversationKey, stored, taken))) continue;
            const outcome = await publishInactive(orgId, conversationId, lastActivityAt, since);
            if (outcome.kind !== 'published') {
              if (outcome.kind === 'failed' && outcome.isNothingTaken) await giveBack(conversationKey, taken);
              const reason = outcome.kind === 'failed' ? outcome.reason : outcome.kind;
              throw new Error(`conversation_inactive was not published: ${reason}`);
            }
            before = taken;
            setFor = taken.dueAt;
            done = lastActivityAt;
          }
          // Published first, then marked: what a crash repeats has the same id. An activity that came meanwhile has left
          // the timer to this run.
          const after = published(before, quietSeconds, clock());
          if (!(await conversations.replace(conversationKey, before, after))) continue;
          if (after.dueAt !== undefined) await handOff(conversationKey, after.dueAt);
          return;
        }
        default:
          throw verdict satisfies never;
      }
    }
  }

  /** What was not begun is tried again when the lease is over, but not where something has happened by then. */
  async function giveBack(conversationKey: string, taken: Conversation): Promise<void> {
    for (let stored: Conversation | undefined = taken; stored !== undefined; ) {
      if (await conversations.replace(conversationKey, stored, unpublished(stored))) return;
      stored = await conversations.read(conversationKey);
    }
  }

  async function publishInactive(
    orgId: string,
    conversationId: string,
    lastUpdated: number,
    since: number,
  ): Promise<PublishOutcome> {
    const now = clock();
    const data = { conversationId: integerValue(conversationId), lastUpdated };
    const { broadcasts: derived } = deriveBroadcasts(
      { orgId, type: eventTypes.conversationInactive, data },
      now,
      deps.timeline,
    );
    // Its cause tells it from Drift's own, which settles timers: this one comes from a timer.
    const broadcasts = derived.map((broadcast) => ({
      ...broadcast,
      detail: { cause: quietPeriodCause, ...broadcast.detail },
    }));
    const outcome = await deps.publisher.publish(broadcasts);
    // Also where it failed: while nothing can be published, nothing else would say that it is late.
    const latenessMs = clock() - since;
    metrics.add('InactivityLateness', latenessMs);
    if (outcome.kind !== 'published') {
      metrics.add('PublishFailed', 1);
      return outcome;
    }
    metrics.add('EventsBroadcast', broadcasts.length);
    log.info('conversation inactive', {
      orgId,
      conversationId,
      lastUpdated,
      latenessMs,
      events: broadcasts.map(({ detail }) => ({ id: detail.id, type: detail.type })),
    });
    return outcome;
  }

  return middy((event: SQSEvent) =>
    eachGroup(
      event.Records,
      (record) => [record],
      (record) => look(readTimer(record), isRedelivered(record)),
      log,
    ),
  ).use(flushMetrics(metrics));
}

function readTimer(record: SQSRecord): DueTimer {
  const { conversationKey, dueAt } = timerMessage(record.body);
  if (typeof conversationKey !== 'string' || typeof dueAt !== 'number') throw new Error('not a timer message');
  return { conversationKey, dueAt };
}

function timerMessage(text: string): Partial<DueTimer> {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null ? message : {};
  } catch {
    // JSON.parse quotes the text in its error, which would end in the log.
    return {};
  }
}
