import type { DeliveryRecord } from '../domain/delivery-ledger.ts';
import type { Subscriber } from '../domain/delivery-plan.ts';

/** What a batch needs to know before it is delivered. */
export interface BatchKnowledge {
  readonly subscriber: Subscriber;
  /** By webhook id; without the stored event. What was never tried is missing. */
  readonly records: ReadonlyMap<string, DeliveryRecord>;
}

/** Keeps what became of each event, and is read together with the subscription. */
export interface DeliveryLedger {
  /** One read for all of it. Throws where it could not be read in full. */
  read(webhookIds: readonly string[]): Promise<BatchKnowledge>;
  /**
   * One write for all that was delivered. Throws where not all could be written: then some may have been. What was not
   * delivered never overwrites a success that another copy of the event has had meanwhile, but for a replay.
   */
  write(records: readonly DeliveryRecord[]): Promise<void>;
}
