import type { ResentMessage } from '../domain/deliveries/endpoint-health.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { deliverMessages } from './deliver-messages.ts';
import { reportEndpoint } from './endpoint-report.ts';

/**
 * Tries an event that a person wants now, though nobody reads its queue: its circuit is open. The message stays in the queue,
 * and carries the event on if this fails. Throws where the ledger could not be read or written; then Lambda invokes it again.
 */
export async function resend(
  message: ResentMessage,
  deps: DeliverDeps,
  remainingMs: () => number,
): Promise<{ readonly attempts: number }> {
  // Nobody has received the message, so there is nothing to hide.
  const queue = { ...deps.queue, hide: async () => {} };
  const queued = { ...message, receiptHandle: '' };
  const { attempts, subscriber } = await deliverMessages([queued], { ...deps, queue }, { isProbe: false, remainingMs });
  await reportEndpoint(attempts, subscriber.state, deps, { isProbe: false });
  return { attempts: attempts.length };
}
