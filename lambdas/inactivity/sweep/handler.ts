import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { handOffDelaySeconds, handOffHorizonSeconds, timerShards } from '../../domain/inactivity/inactivity-timer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log, Metrics } from '../../ports/telemetry.ts';
import { flushMetrics } from '../../telemetry/flush-metrics.ts';
import type { ConversationStore, DueTimer, TimerQueue } from '../ports.ts';

export interface SweepInactivityDeps {
  readonly conversations: ConversationStore;
  readonly timers: TimerQueue;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** With less time left than this, no further page is begun; the next sweep starts with what is most overdue. */
const reserveMs = 5_000;

/**
 * Every minute: hands what falls due before the next sweep to the timers queue, delayed to the second. What a missed
 * sweep left is overdue and so comes first. Its cost grows with what is due, not with what is armed.
 */
export function createSweepInactivityHandler({ conversations, timers, clock, metrics, log }: SweepInactivityDeps) {
  async function sweepShard(shard: number, mayGoOn: () => boolean): Promise<number> {
    let handedOver = 0;
    for await (const page of conversations.dueTimers(shard, clock() + handOffHorizonSeconds * 1000)) {
      await timers.schedule(page.map((timer) => delayed(timer, clock())));
      handedOver += page.length;
      if (!mayGoOn()) {
        log.warn('sweep ran out of time, the next one goes on', { shard, handedOver });
        break;
      }
    }
    return handedOver;
  }

  return middy(async (_event: unknown, context: Context) => {
    const mayGoOn = (): boolean => context.getRemainingTimeInMillis() > reserveMs;
    const shards = Array.from({ length: timerShards }, (_, shard) => shard);
    // One shard that fails must not keep the others waiting for the next sweep.
    const results = await Promise.allSettled(shards.map((shard) => sweepShard(shard, mayGoOn)));
    const handedOver = results.reduce((sum, result) => sum + (result.status === 'fulfilled' ? result.value : 0), 0);
    metrics.add('TimersHandedOver', handedOver);
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    // Lambda prints of an error that holds others only that it does.
    for (const error of errors) log.error('a shard could not be swept', { error });
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} shards could not be swept`);
    metrics.add('SweepCompleted', 1);
    log.info('swept', { handedOver });
  }).use(flushMetrics(metrics));
}

function delayed(timer: DueTimer, now: number): DueTimer & { delaySeconds: number } {
  // The index answered what is due within the horizon, so there is always a delay.
  return { ...timer, delaySeconds: handOffDelaySeconds(timer.dueAt, now) ?? handOffHorizonSeconds };
}
