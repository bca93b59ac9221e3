import type { QueueDepth, SubscriberQueues } from './ports.ts';

/** Undefined also where the queue cannot be looked at: what else is known is shown all the same. */
export async function depthOf(queues: SubscriberQueues, subscriptionId: string): Promise<QueueDepth | undefined> {
  try {
    return await queues.depth(subscriptionId);
  } catch {
    return undefined;
  }
}
