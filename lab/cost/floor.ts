import { type PriceName, priceOf } from './prices.ts';
import { messagesPerRequest } from './usage.ts';

/** One thing that a delivery cannot do without, however little its functions compute, log and keep. */
export interface FloorItem {
  readonly what: string;
  readonly price: PriceName;
  /** For one delivery. */
  readonly quantity: number;
}

export interface Filling {
  readonly fanOut: number;
  readonly messagesPerBatch: number;
}

/**
 * What is billed by the request, in this design: a queue of its own for each subscriber, and a ledger that is looked
 * into before and written after. Not in it: computing, logs, storage, traffic.
 */
export function floorItems({ fanOut, messagesPerBatch }: Filling): FloorItem[] {
  const batch = 1 / messagesPerBatch;
  const post = 1 / fanOut;
  return [
    { what: 'the bus sends the message to the subscriber’s queue', price: 'queueRequest', quantity: 1 },
    { what: 'Lambda receives and deletes its batch', price: 'queueRequest', quantity: 2 * batch },
    { what: 'the delivery function is invoked', price: 'lambdaRequest', quantity: batch },
    { what: 'the subscription is read', price: 'tableReadUnit', quantity: batch },
    { what: 'the ledger is looked into', price: 'tableReadUnit', quantity: 1 },
    { what: 'the ledger is written', price: 'tableWriteUnit', quantity: 1 },
    { what: 'its share of the post: the API', price: 'apiRequest', quantity: post },
    { what: 'its share of the post: ingest is invoked', price: 'lambdaRequest', quantity: post },
    { what: 'its share of the post: the bus takes the event', price: 'busEvent', quantity: post },
    {
      what: 'its share of the timers: a message, received and deleted among ten',
      price: 'queueRequest',
      quantity: post * (1 + 2 / messagesPerRequest),
    },
    { what: 'its share of the timers: the conversation is written', price: 'tableWriteUnit', quantity: post },
  ];
}

/** USD for a million deliveries. */
export function floorPerMillion(filling: Filling): number {
  return floorItems(filling).reduce((sum, item) => sum + floorItemPerMillion(item), 0);
}

export function floorItemPerMillion({ price, quantity }: FloorItem): number {
  return priceOf(price, quantity * 1_000_000);
}
