/** Keys of the tables, written once: the stack makes them, the adapters use them. */
export const tableSchemas = {
  subscriptions: { partitionKey: 'subscriptionId', sortKey: 'record' },
  /** Index `timers` holds armed timers only: (`timerShard` number, `dueAt` number, epoch ms), keys only. */
  conversations: {
    partitionKey: 'conversationKey',
    index: { name: 'timers', partitionKey: 'timerShard', sortKey: 'dueAt' },
  },
  settings: { partitionKey: 'orgId' },
  /**
   * Sparse index `undelivered` (`subscriptionId`, `undeliveredAt` number, epoch ms), with `undeliveredSummaryFields`: what was
   * not delivered, in one query.
   * Sparse index `due` (`dueShard` number, `dueAt` number, epoch ms), keys only: what is `retrying`, by when the sweep looks
   * after it.
   */
  deliveries: {
    partitionKey: 'subscriptionId',
    sortKey: 'webhookId',
    index: { name: 'undelivered', partitionKey: 'subscriptionId', sortKey: 'undeliveredAt' },
    dueIndex: { name: 'due', partitionKey: 'dueShard', sortKey: 'dueAt' },
  },
  /**
   * The event history. Index `by-time`: (`timeShard`, `<UTC day>#<shard>`; `timeKey`, see domain/history/time-order.ts);
   * sparse index `by-conversation` (`conversationKey`, `timeKey`). Both hold `eventSummaryFields`.
   */
  events: {
    partitionKey: 'webhookId',
    byTime: { name: 'by-time', partitionKey: 'timeShard', sortKey: 'timeKey' },
    byConversation: { name: 'by-conversation', partitionKey: 'conversationKey', sortKey: 'timeKey' },
  },
} as const;

/** What the indexes of the event history hold beside their keys: all but the event itself. */
export const eventSummaryFields = [
  'source',
  'type',
  'orgId',
  'conversationId',
  'occurredAt',
  'recordedAt',
  'causedBy',
] as const;

/**
 * What the index `undelivered` holds beside its keys: by what its entries are chosen, and why they are there. Nothing that
 * changes with each attempt, which would be a second write; and not the event, which would be paid for twice.
 */
export const undeliveredSummaryFields = [
  'state',
  'reason',
  'eventType',
  'lastStatus',
  'lastError',
  'replayName',
] as const;

/** Epoch seconds, as DynamoDB wants it. */
export const timeToLiveAttribute = 'ttl';

export const subscriptionRecords = { config: 'config', state: 'state' } as const;
/** The third record of a subscription, of provision alone: which run works on its route. */
export const leaseRecord = 'lease';
