import { traceIdOf } from '../contracts/trace.ts';
import {
  type AttemptOutcome,
  type AttemptResult,
  attemptOutcome,
  type FailureKind,
} from '../domain/deliveries/attempt-outcome.ts';
import {
  attemptsSoFar,
  type DeliveryRecord,
  isBesidesRetries,
  recordAfter,
} from '../domain/deliveries/delivery-ledger.ts';
import type { DeliveryMessage } from '../domain/deliveries/delivery-message.ts';
import { type DeliverableSubscription, signingSecrets } from '../domain/deliveries/delivery-plan.ts';
import { deliveryVerdict } from '../domain/deliveries/delivery-verdict.ts';
import { headersToSend, type WebhookEndpoint, webhookRequest } from '../domain/deliveries/webhook-request.ts';
import { safeInteger } from '../json/json.ts';
import type { DeliverDeps } from './deliver-deps.ts';

/** An attempt that was made, and the ledger item that says so. */
export interface Attempt {
  readonly message: DeliveryMessage;
  readonly outcome: AttemptOutcome;
  readonly record: DeliveryRecord;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly result: AttemptResult;
  readonly host: string;
  /** A resend of what is retried (see delivery-ledger.ts). */
  readonly isBesidesRetries: boolean;
}

/** What all attempts of a batch have in common. */
export interface Endpoint extends WebhookEndpoint {
  /** For people, who may see no more of the url: paths and query strings may hold a subscriber's secrets. */
  readonly host: string;
  readonly maxAttempts: number | undefined;
}

export function endpointOf(subscriber: DeliverableSubscription, now: number): Endpoint {
  const { url = '', headers, maxAttempts } = subscriber.config ?? {};
  return {
    url,
    host: URL.parse(url)?.host ?? '',
    headers: headersToSend(headers),
    maxAttempts: safeInteger(maxAttempts),
    secrets: signingSecrets(subscriber, now),
  };
}

/** Makes one attempt and tells of it: one log line, its metrics. */
export async function makeAttempt(
  message: DeliveryMessage,
  previous: DeliveryRecord | undefined,
  endpoint: Endpoint,
  deps: DeliverDeps,
): Promise<Attempt> {
  const { subscriptionId, sender, clock, random } = deps;
  const startedAt = clock();
  const result = await sender.send(webhookRequest(message, endpoint, startedAt));
  const now = clock();
  const outcome = attemptOutcome(result, now);
  const subject = subjectOf(subscriptionId, message);
  const attempts = attemptsSoFar(subject, previous) + 1;
  const dueAt = isBesidesRetries(subject, previous) ? (previous.nextAttemptAt ?? now) : undefined;
  const { maxAttempts } = endpoint;
  const verdict = deliveryVerdict(outcome, { attempts, now, random: random(), maxAttempts, dueAt });
  const record = recordAfter(subject, previous, result, verdict, now);
  const { host } = endpoint;
  const attempt = { message, outcome, record, startedAt, result, host, isBesidesRetries: dueAt !== undefined };
  report(attempt, now, deps);
  return attempt;
}

export function subjectOf(subscriptionId: string, message: DeliveryMessage) {
  const { webhookId, eventType, occurredAt, messageId, sentAt, body, replayName, traceHeader } = message;
  const isResent = message.isResend;
  const subject = { subscriptionId, webhookId, eventType, occurredAt, messageId, sentAt, isResent, event: body };
  return {
    ...subject,
    ...(replayName === undefined ? {} : { replayName }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
  };
}

function report(
  { message, host, result, outcome, record }: Attempt,
  now: number,
  { subscriptionId, metrics, log }: DeliverDeps,
): void {
  if (record.state === 'delivered') {
    metrics.add('EventToDelivered', Math.max(0, now - message.sentAt), { subscriptionId });
  } else {
    const outcome: FailureKind = result.kind === 'failed' ? result.errorClass : 'status';
    metrics.add('AttemptsFailed', 1, { subscriptionId, outcome });
  }
  const answered = result.kind === 'answered' ? result : undefined;
  const failed = result.kind === 'failed' ? result : undefined;
  // What is undefined is left out of a line.
  log.info('attempt', {
    traceId: traceIdOf(message.traceHeader),
    subscriptionId,
    webhookId: message.webhookId,
    eventType: message.eventType,
    host,
    attempt: record.attempts,
    outcome: outcome.kind,
    state: record.state,
    durationMs: result.durationMs,
    waitedMs: Math.max(0, now - message.sentAt),
    status: answered?.status,
    errorClass: failed?.errorClass,
    error: failed?.message,
    resentOnFreshConnection: result.resentOnFreshConnection,
    byHand: record.history.at(-1)?.byHand,
    isRetryAfterCut: 'isRetryAfterCut' in outcome ? outcome.isRetryAfterCut : undefined,
    nextAttemptAt: record.nextAttemptAt === undefined ? undefined : new Date(record.nextAttemptAt).toISOString(),
    reason: record.reason,
    replayName: message.replayName,
  });
}
