import type { AttemptResult } from '../domain/attempt-outcome.ts';
import type { WebhookRequest } from '../domain/webhook-request.ts';

/** Makes one attempt. */
export interface WebhookSender {
  /** Never throws: whatever the receiver does is a result, and it comes within the attempt's timeout. */
  send(request: WebhookRequest): Promise<AttemptResult>;
}
