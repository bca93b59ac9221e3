import type { QueuedMessage } from '../domain/delivery-message.ts';

/** The subscriber's own queue. */
export interface DeliveryQueue {
  /** Hides messages, each for whole seconds. One that could not be hidden comes again when its visibility timeout ends. */
  hide(messages: readonly { readonly receiptHandle: string; readonly seconds: number }[]): Promise<void>;
  /** Up to `count` messages (1 to 10) that nobody else sees for `hiddenSeconds`. */
  receive(count: number, hiddenSeconds: number): Promise<readonly QueuedMessage[]>;
  acknowledge(receiptHandles: readonly string[]): Promise<void>;
}
