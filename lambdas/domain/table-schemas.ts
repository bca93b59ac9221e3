/** Keys of the tables, written once: the stack makes them, the adapters use them. */
export const tableSchemas = {
  subscriptions: { partitionKey: 'subscriptionId', sortKey: 'record' },
  /** Index `timers` holds armed timers only: (`timerShard` number, `dueAt` number, epoch ms), keys only. */
  conversations: {
    partitionKey: 'conversationKey',
    index: { name: 'timers', partitionKey: 'timerShard', sortKey: 'dueAt' },
  },
  settings: { partitionKey: 'orgId' },
  deliveries: { partitionKey: 'subscriptionId', sortKey: 'webhookId' },
} as const;

/** Epoch seconds, as DynamoDB wants it. */
export const timeToLiveAttribute = 'ttl';

export const subscriptionRecords = { config: 'config', state: 'state' } as const;
