import middy from '@middy/core';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import type { EventDetail } from '../../domain/events/drift-event.ts';
import { type Activity, activityOf, mergeActivity } from '../../domain/inactivity/activity.ts';
import { conversationKeyOf } from '../../domain/inactivity/conversation-key.ts';
import { applyActivity, type Conversation, handOffDelaySeconds } from '../../domain/inactivity/inactivity-timer.ts';
import { isJsonObject, parseJson } from '../../json/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log, Metrics } from '../../ports/telemetry.ts';
import { eachGroup, isRedelivered, itemFailure } from '../../sqs/batch-item-failures.ts';
import { flushMetrics } from '../../telemetry/flush-metrics.ts';
import type { ConversationStore, QuietPeriods, TimerQueue } from '../ports.ts';

export interface TrackActivityDeps {
  readonly conversations: ConversationStore;
  readonly quietPeriods: QuietPeriods;
  readonly timers: TimerQueue;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** All that one batch tells about one conversation. */
interface BatchActivity {
  readonly key: string;
  readonly orgId: string;
  readonly activity: Activity;
  readonly records: readonly SQSRecord[];
}

/** Moves conversations' timers: one conditional write per conversation and batch. */
export function createTrackActivityHandler({
  conversations,
  quietPeriods,
  timers,
  clock,
  metrics,
  log,
}: TrackActivityDeps) {
  async function handOff(conversationKey: string, dueAt: number): Promise<void> {
    const delaySeconds = handOffDelaySeconds(dueAt, clock());
    if (delaySeconds !== undefined) await timers.schedule([{ conversationKey, dueAt, delaySeconds }]);
  }

  async function track(
    { key, activity, records }: BatchActivity,
    quietSeconds: number,
    known: Conversation | undefined,
  ): Promise<void> {
    for (let stored = known; ; stored = await conversations.read(key)) {
      const change = applyActivity(stored, activity, quietSeconds, clock());
      if (change.kind === 'ignore') {
        // The first run may have ended between its write and its hand-over.
        if (stored?.dueAt !== undefined && records.some(isRedelivered)) await handOff(key, stored.dueAt);
        return;
      }
      if (await conversations.replace(key, stored, change.next)) {
        if (change.kind === 'arm') await handOff(key, change.next.dueAt);
        return;
      }
    }
  }

  return middy(async (event: SQSEvent) => {
    const { activities, unreadable } = foldByConversation(event.Records);
    for (const { messageId } of unreadable) log.error('not an event, left for the dead-letter queue', { messageId });
    const [quiet, known] = await Promise.all([
      quietPeriods.ofOrgs(activities.map(({ orgId }) => orgId)),
      conversations.readMany(activities.map(({ key }) => key)),
    ]);
    const { batchItemFailures } = await eachGroup(
      activities,
      ({ records }) => records,
      (activity) => track(activity, quietOf(quiet, activity.orgId), known.get(activity.key)),
      log,
    );
    return { batchItemFailures: [...batchItemFailures, ...unreadable.map(itemFailure)] };
  }).use(flushMetrics(metrics));
}

function foldByConversation(records: readonly SQSRecord[]): {
  activities: BatchActivity[];
  unreadable: SQSRecord[];
} {
  const unreadable: SQSRecord[] = [];
  const byKey = new Map<string, BatchActivity>();
  for (const record of records) {
    const detail = readDetail(record.body);
    if (detail === undefined) unreadable.push(record);
    const found = detail && activityOf(detail);
    if (found === undefined) continue;
    const { orgId, conversationId, activity } = found;
    const key = conversationKeyOf(orgId, conversationId);
    const before = byKey.get(key);
    byKey.set(key, {
      key,
      orgId,
      activity: before === undefined ? activity : mergeActivity(before.activity, activity),
      records: [...(before?.records ?? []), record],
    });
  }
  return { activities: [...byKey.values()], unreadable };
}

/** The `detail` of an event's envelope, or undefined for a message that no rule of ours has put there. */
function readDetail(body: string): EventDetail | undefined {
  try {
    const envelope = parseJson(body);
    const detail = isJsonObject(envelope) ? envelope.detail : undefined;
    return isJsonObject(detail) && isJsonObject(detail.data) ? (detail as unknown as EventDetail) : undefined;
  } catch {
    return undefined;
  }
}

function quietOf(quiet: ReadonlyMap<string, number>, orgId: string): number {
  const seconds = quiet.get(orgId);
  if (seconds === undefined) throw new Error(`no quiet period was read for organisation ${orgId}`);
  return seconds;
}
