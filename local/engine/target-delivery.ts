import type { DeliverToTarget } from './event-bus.ts';
import type { Queues } from './queue.ts';

/** Hands events to queues at once, to functions as an asynchronous invocation. Other targets are refused. */
export function deliverToQueuesAndFunctions(_options: {
  readonly queues: Queues;
  /**
   * As Lambda's asynchronous invocation: takes the event for later (its retries are Lambda's), or throws where the
   * function is not there.
   */
  readonly invokeAsync: (functionArn: string, payload: string) => void | Promise<void>;
}): DeliverToTarget {
  throw new Error('not written yet');
}
