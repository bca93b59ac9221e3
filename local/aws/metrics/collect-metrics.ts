import type { EngineClock } from '../engine/engine-clock.ts';
import type { Measure } from '../engine/measure.ts';
import type { Queues } from '../engine/queues.ts';
import type { LogLine } from '../runtime/log-buffer.ts';
import { readEmbeddedMetrics } from './embedded-metrics.ts';
import type { MetricStore } from './metric-store.ts';

/** What CloudWatch Logs makes of lines: a figure for each line of the group that passes. */
export interface MetricFilter {
  readonly logGroupName: string;
  readonly passes: (line: string) => boolean;
  readonly namespace: string;
  readonly metric: string;
  readonly value: number;
}

export interface MetricCollectorOptions {
  readonly store: MetricStore;
  readonly clock: EngineClock;
  readonly queues: Pick<Queues, 'list'>;
  /** Made with the stack, so there are more of them later than at the beginning. */
  readonly filters: readonly MetricFilter[];
  readonly logGroupOf: (functionName: string) => string | undefined;
}

export interface MetricCollector {
  readLine(line: LogLine): void;
  stop(): void;
}

const gaugeIntervalMs = 1000;

/** Puts into the store what AWS would: its own metrics, those in log lines, and the depth and age of each queue. */
export function collectMetrics({ store, clock, queues, filters, logGroupOf }: MetricCollectorOptions): MetricCollector {
  const measure: Measure = (namespace, metric, dimensions, value) =>
    store.put({ namespace, metric, dimensions }, value, clock.now());

  let cancel = armGauges();
  function armGauges(): () => void {
    return clock.setTimer(clock.now() + gaugeIntervalMs, () => {
      readGauges();
      cancel = armGauges();
    });
  }

  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
  function readGauges(): void {
    const now = clock.now();
    for (const queue of queues.list()) {
      const dimensions = { QueueName: queue.name };
      const { visible, inFlight, delayed } = queue.counts();
      measure('AWS/SQS', 'ApproximateNumberOfMessagesVisible', dimensions, visible);
      measure('AWS/SQS', 'ApproximateNumberOfMessagesNotVisible', dimensions, inFlight);
      measure('AWS/SQS', 'ApproximateNumberOfMessagesDelayed', dimensions, delayed);
      const ageMs = now - (queue.oldestSentAt() ?? now);
      measure('AWS/SQS', 'ApproximateAgeOfOldestMessage', dimensions, ageMs / 1000);
    }
  }

  return {
    readLine({ functionName, text, writtenAt }) {
      for (const { id, value, at } of readEmbeddedMetrics(text)) store.put(id, value, at);
      const LogGroupName = logGroupOf(functionName);
      if (LogGroupName === undefined) return;
      // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
      measure('AWS/Logs', 'IncomingLogEvents', { LogGroupName }, 1);
      measure('AWS/Logs', 'IncomingBytes', { LogGroupName }, Buffer.byteLength(text));
      for (const { logGroupName, passes, namespace, metric, value } of filters) {
        if (logGroupName === LogGroupName && passes(text)) {
          store.put({ namespace, metric, dimensions: {} }, value, writtenAt);
        }
      }
    },
    stop: () => cancel(),
  };
}
