import { problemResponse } from '../http/problem-responses.ts';
import type { Clock } from '../ports/clock.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import type { SubscriptionMetrics } from './ports.ts';
import { type ApiAnswer, invalidField, jsonAnswer, type RoutedRequest, readTimeRange } from './request.ts';
import { notFound, type Operations } from './router.ts';
import { isoTime } from './subscription-view.ts';

export interface SubscriptionMetricsDeps {
  readonly subscriptions: SubscriptionStore;
  readonly subscriptionMetrics: SubscriptionMetrics;
  readonly clock: Clock;
}

const hourMs = 60 * 60 * 1000;
const defaultSpanMs = 3 * hourMs;
const maxPeriods = 1440;
/** What is asked for where nothing is said: no more lines than a person reads. */
const wantedPeriods = 60;
/**
 * CloudWatch keeps minutes for 15 days, five minutes for 63 and hours for 455.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
 */
const kept = [
  { periodSeconds: 60, forMs: 15 * 24 * hourMs },
  { periodSeconds: 300, forMs: 63 * 24 * hourMs },
  { periodSeconds: 3600, forMs: 455 * 24 * hourMs },
] as const;
const defaultPeriods = [60, 300, 3600, 6 * 3600, 24 * 3600];
const maxPeriodSeconds = 24 * 3600;

/** What CloudWatch knows of one subscription's deliveries. */
export function subscriptionMetricsOperation(
  deps: SubscriptionMetricsDeps,
): Pick<Operations, 'showSubscriptionMetrics'> {
  const { subscriptions, subscriptionMetrics, clock } = deps;

  async function showSubscriptionMetrics(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    const { periodSeconds: periodText } = request.query;
    const now = clock();
    const range = readTimeRange(request, now, defaultSpanMs);
    if (range.kind === 'refused') return range.answer;
    const { from, to } = range.value;
    const finest = kept.find(({ forMs }) => from >= now - forMs)?.periodSeconds ?? 3600;
    const isFitting = (seconds: number) => seconds % finest === 0 && to - from <= seconds * 1000 * wantedPeriods;
    const periodSeconds =
      periodText === undefined ? (defaultPeriods.find(isFitting) ?? maxPeriodSeconds) : Number(periodText);
    if (!/^\d+$/.test(periodText ?? '0') || periodSeconds < 60 || periodSeconds > maxPeriodSeconds) {
      return invalidField('periodSeconds', `must be a whole number from 60 to ${maxPeriodSeconds}`);
    }
    if (periodSeconds % finest !== 0) {
      return invalidField('periodSeconds', `must be a multiple of ${finest}: no finer figures are kept of that time`);
    }
    if (to - from > periodSeconds * 1000 * maxPeriods) {
      return invalidField('periodSeconds', `is too short: an answer has ${maxPeriods} periods at most`);
    }
    if ((await subscriptions.read(id)).config === undefined) return notFound(id);
    const read = await subscriptionMetrics.read(id, { from, to, periodSeconds });
    if (read.kind === 'throttled') {
      const detail = 'CloudWatch takes no more questions just now';
      return problemResponse(429, 'Too Many Requests', { detail, headers: { 'retry-after': '5' } });
    }
    return jsonAnswer(200, {
      from: isoTime(from),
      to: isoTime(to),
      periodSeconds,
      periods: read.periods.map(({ at, ...figures }) => ({ at: isoTime(at), ...figures })),
    });
  }

  return { showSubscriptionMetrics };
}
