import type { DeliveryLedger } from '../../lambdas/deliver/ports.ts';
import type { DeliveryRecord } from '../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { DeliveryHistory } from '../../lambdas/manage/ports.ts';
import type { DueDeliveries } from '../../lambdas/provision/ports.ts';
import { ledgerRead, ledgerWrite } from '../support/in-memory/delivery-ledger.ts';
import { inMemoryDueDeliveries } from '../support/in-memory/due-deliveries.ts';
import type { Invocation } from './invocation.ts';
import type { SubscriptionTable } from './subscription-table.ts';

/** Told of what passes between a delivery function and its two tables. */
export interface LedgerWatch {
  onRead(invocation: Invocation, subscriptionId: string, records: ReadonlyMap<string, DeliveryRecord>): void;
  onWrite(invocation: Invocation, records: readonly DeliveryRecord[]): void;
}

/** The ledger of all subscribers. */
export class DeliveryTable {
  readonly bySubscription = new Map<string, Map<string, DeliveryRecord>>();
  readonly #subscriptions: SubscriptionTable;
  readonly #watch: LedgerWatch;

  constructor(subscriptions: SubscriptionTable, watch: LedgerWatch) {
    this.#subscriptions = subscriptions;
    this.#watch = watch;
  }

  get(subscriptionId: string, webhookId: string): DeliveryRecord | undefined {
    return this.bySubscription.get(subscriptionId)?.get(webhookId);
  }

  ledgerFor(invocation: Invocation, subscriptionId: string): DeliveryLedger {
    return {
      read: (webhookIds) => {
        for (const id of webhookIds) invocation.about.add(id);
        invocation.about.add(subscriptionId);
        return invocation.call('BatchGetItem ledger', () => {
          const { config, state } = this.#subscriptions.get(subscriptionId);
          const records = ledgerRead(webhookIds, (id) => this.get(subscriptionId, id));
          this.#watch.onRead(invocation, subscriptionId, records);
          return {
            subscriber: { ...(config === undefined ? {} : { config }), ...(state === undefined ? {} : { state }) },
            records,
          };
        });
      },
      write: (writes) =>
        invocation.call('BatchWriteItem ledger', () => {
          // What DynamoDB leaves over is lost to a function that ends before it has tried again.
          const written = invocation.strikes('partial-failure')
            ? writes.slice(0, Math.floor(writes.length / 2))
            : writes;
          const table = this.bySubscription.get(subscriptionId) ?? new Map<string, DeliveryRecord>();
          this.bySubscription.set(subscriptionId, table);
          // What gives way to another copy's record is written nowhere.
          const stored = written.flatMap((write) => {
            const { webhookId } = write.record;
            const after = ledgerWrite(table.get(webhookId), write);
            table.set(webhookId, after);
            return after === write.record ? [after] : [];
          });
          this.#watch.onWrite(invocation, stored);
          if (written.length === writes.length) return;
          invocation.note('BatchWriteItem ledger: unprocessed items');
          throw new Error('the ledger could not be written in full');
        }),
    };
  }

  /** The soonest at which the sweep has something to do. */
  get nextDueAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const records of this.bySubscription.values()) {
      for (const { dueAt } of records.values()) if (dueAt !== undefined && dueAt < next) next = dueAt;
    }
    return next;
  }

  dueFor(invocation: Invocation): DueDeliveries {
    const stored = inMemoryDueDeliveries(this.bySubscription);
    return {
      async *due(shard, until) {
        await invocation.call('Query due', () => undefined);
        yield* stored.due(shard, until);
      },
      async *waiting(subscriptionId) {
        await invocation.call('Query waiting', () => undefined);
        yield* stored.waiting(subscriptionId);
      },
      read: (keys) => {
        for (const { subscriptionId, webhookId } of keys) invocation.about.add(subscriptionId).add(webhookId);
        return invocation.call('BatchGetItem due', () => stored.read(keys));
      },
      move: (record, place) => invocation.call('UpdateItem due', () => stored.move(record, place)),
      exhaust: (record, reason) => invocation.call('UpdateItem due', () => stored.exhaust(record, reason)),
    };
  }

  logFor(invocation: Invocation): DeliveryHistory {
    return {
      read: (subscriptionId, webhookId) =>
        invocation.call('GetItem delivery', () => this.get(subscriptionId, webhookId)),
      readMany: (pairs) =>
        invocation.call('BatchGetItem deliveries', () =>
          pairs.flatMap(({ subscriptionId, webhookId }) => this.get(subscriptionId, webhookId) ?? []),
        ),
      list: (subscriptionId, { limit }) =>
        invocation.call('Query deliveries', () => ({
          deliveries: [...(this.bySubscription.get(subscriptionId)?.values() ?? [])].slice(0, limit),
        })),
    };
  }
}
