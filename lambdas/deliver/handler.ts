import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { QueuedMessage } from '../domain/deliveries/delivery-message.ts';
import type { ResentMessage } from '../domain/deliveries/endpoint-health.ts';
import { itemFailure } from '../sqs/batch-item-failures.ts';
import { flushMetrics } from '../telemetry/flush-metrics.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { deliverMessages } from './deliver-messages.ts';
import { reportEndpoint } from './endpoint-report.ts';
import { park } from './park.ts';
import { type ProbeOutcome, probe } from './probe.ts';
import { resend } from './resend.ts';

/** A batch of the subscriber's queue, or what `provision` and `manage` ask for (see domain/deliveries/endpoint-health.ts). */
export type DeliverEvent =
  | SQSEvent
  | { readonly probe: true }
  | { readonly park: true }
  | { readonly resend: ResentMessage };

/**
 * A batch that failed as a whole comes after 30 s, and later each time, up to 8 minutes: while the ledger cannot be written, each
 * time is another delivery of what was delivered. An outage of five days stays below the queue's 1,000 receives.
 */
function repeatAfterSeconds({ receiveCount = 1 }: QueuedMessage): number {
  return 30 * 2 ** Math.min(4, receiveCount - 1);
}

/** Delivers to one subscriber. */
export function createDeliverHandler(deps: DeliverDeps) {
  const { log, queue, subscriptionId } = deps;
  return middy(
    async (
      event: DeliverEvent,
      context: Pick<Context, 'getRemainingTimeInMillis'>,
    ): Promise<SQSBatchResponse | ProbeOutcome | { parked: number } | { attempts: number }> => {
      const remainingMs = () => context.getRemainingTimeInMillis();
      if ('probe' in event) return probe(deps, remainingMs);
      if ('park' in event) return park(deps, remainingMs);
      if ('resend' in event) return resend(event.resend, deps, remainingMs);

      const messages = event.Records.map(queuedMessage);
      try {
        const { kept, attempts, subscriber } = await deliverMessages(messages, deps, { isProbe: false, remainingMs });
        await reportHealth(() => reportEndpoint(attempts, subscriber.state, deps, { isProbe: false }));
        return { batchItemFailures: kept.map(itemFailure) };
      } catch (error) {
        // Nothing is lost: all of them come again, and what the ledger knows to be delivered is dropped.
        log.error('batch failed, it will come again', {
          subscriptionId,
          messageIds: messages.map(({ messageId }) => messageId),
          error,
        });
        await comeAgainSoon(messages);
        return { batchItemFailures: messages.map(itemFailure) };
      }
    },
  ).use(flushMetrics(deps.metrics));

  /** Without this they would come when their visibility timeout ends, after nine minutes. */
  async function comeAgainSoon(messages: readonly QueuedMessage[]): Promise<void> {
    try {
      await queue.hide(
        messages.map((message) => ({ receiptHandle: message.receiptHandle, seconds: repeatAfterSeconds(message) })),
      );
    } catch (error) {
      log.error('could not hide messages', { subscriptionId, error });
    }
  }

  /** The ledger is written by now: what could not be said about the endpoint is said after its next attempt. */
  async function reportHealth(report: () => Promise<void>): Promise<void> {
    try {
      await report();
    } catch (error) {
      log.error('could not report on the endpoint', { subscriptionId, error });
    }
  }
}

function queuedMessage({ messageId, receiptHandle, body, attributes }: SQSRecord): QueuedMessage {
  const { AWSTraceHeader: traceHeader } = attributes;
  const sentAt = Number(attributes.SentTimestamp);
  const receiveCount = Number(attributes.ApproximateReceiveCount);
  const message = { messageId, receiptHandle, body, sentAt, receiveCount };
  return traceHeader === undefined ? message : { ...message, traceHeader };
}
