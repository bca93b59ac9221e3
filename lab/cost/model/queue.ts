import { messagesPerRequest, queueUnitBytes } from '../stated.ts';

/**
 * Requests for one message of a queue: the bus sends it, Lambda receives it with what is there at that moment, and deletes
 * it with the others of its batch.
 */
export function requestsPerMessage(messageBytes: number, perReceive: number, perBatch: number): number {
  return (
    unitsOf(messageBytes, queueUnitBytes) +
    receivesPerMessage(messageBytes, perReceive) +
    1 / Math.min(messagesPerRequest, perBatch)
  );
}

export function receivesPerMessage(messageBytes: number, perReceive: number): number {
  const perRequest = Math.min(messagesPerRequest, perReceive);
  return unitsOf(messageBytes * perRequest, queueUnitBytes) / perRequest;
}

/** Each begun unit counts, and one at least. */
export function unitsOf(bytes: number, unitBytes: number): number {
  return Math.max(1, Math.ceil(bytes / unitBytes));
}
