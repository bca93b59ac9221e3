/** Keys of the tables, written once: the stack makes them, the adapters use them. */
export const tableSchemas = {
  subscriptions: { partitionKey: 'subscriptionId', sortKey: 'record' },
  /** Index `timers` holds armed timers only: (`timerShard` number, `dueAt` number, epoch ms), keys only. */
  conversations: {
    partitionKey: 'conversationKey',
    index: { name: 'timers', partitionKey: 'timerShard', sortKey: 'dueAt' },
  },
  settings: { partitionKey: 'orgId' },
  /** Sparse index `undelivered` (`subscriptionId`, `undeliveredAt` number, epoch ms): what was not delivered, in one query. */
  deliveries: {
    partitionKey: 'subscriptionId',
    sortKey: 'webhookId',
    index: { name: 'undelivered', partitionKey: 'subscriptionId', sortKey: 'undeliveredAt' },
  },
} as const;

/** Epoch seconds, as DynamoDB wants it. */
export const timeToLiveAttribute = 'ttl';

export const subscriptionRecords = { config: 'config', state: 'state' } as const;
