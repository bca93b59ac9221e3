import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InMemoryRoutes } from '../../lab/support/in-memory/route-control-plane.ts';
import { InMemoryLeases } from '../../lab/support/in-memory/route-leases.ts';
import { InMemoryGate } from '../../lab/support/in-memory/subscriptions.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { aSubscriptionItem, longGoneTimeline, routeSettings } from '../../lab/support/subscriptions.ts';
import { routeNames } from '../../lambdas/domain/routes/desired-route.ts';
import type { JsonObject, JsonValue } from '../../lambdas/json/json.ts';
import { createReconcile } from '../../lambdas/provision/reconcile.ts';
import { World } from './manage-world.ts';

/*
 * The table is a public door: people write items into it by hand. Whatever they write, nobody else's subscription changes,
 * and the list of all stays readable.
 */

/** What Lambda answers at the most. */
const maxAnswerBytes = 6 * 1024 * 1024;

const id = fc.oneof(
  fc.constantFrom(
    '#deployment',
    '#',
    'healthy-dlq',
    'x'.repeat(41),
    'x'.repeat(2048),
    '..',
    'a/b',
    '__proto__',
    'constructor',
  ),
  fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/),
  fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }),
);
const longText = fc.integer({ min: 0, max: 100_000 }).map((length) => 'é\u001b'.repeat(length / 2));
const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  longText,
  fc.constantFrom(8_640_000_000_000_001, -1, 9_007_199_254_740_991, null, '', [], {}),
) as fc.Arbitrary<JsonValue>;
const field = fc.constantFrom(
  ...[
    'url',
    'eventTypes',
    'orgIds',
    'filter',
    'headers',
    'description',
    'status',
    'maxConcurrency',
    'secrets',
    'record',
  ],
  ...['createdAt', 'updatedAt', 'resumedAt', 'maxAttempts', 'maxBatchingWindowSeconds', 'closed', 'provisioning'],
);
const item = fc.record({
  subscriptionId: id,
  fields: fc.dictionary(fc.oneof(field, fc.string({ maxLength: 60 })), anyValue, { maxKeys: 8 }),
  isNearlyRight: fc.boolean(),
  manyUnknown: fc.constantFrom(0, 0, 0, 6_000),
});

class Table extends World {
  readonly leases = new InMemoryLeases();
  readonly gate = new InMemoryGate();
  readonly routes = new InMemoryRoutes('fanout-test');
  readonly reconcile = (subscriptionId: string) =>
    createReconcile({
      subscriptions: this.subscriptions,
      leases: this.leases,
      gate: this.gate,
      routes: this.routes,
      settings: routeSettings(),
      ruleSettleSeconds: 0,
      outboundPolicy: 'public',
      timeline: longGoneTimeline,
      randomBytes: (count) => Buffer.alloc(count, 3),
      clock: () => this.now,
      metrics: new RecordedMetrics(),
      log: new RecordedLog(),
    })(subscriptionId, { remainingMs: () => 300_000 });

  /** All that belongs to the healthy one. */
  async healthy() {
    const { body } = await this.ask('GET', '/v1/subscriptions/healthy');
    const routes = await this.routes.describe(routeNames('fanout-test', 'healthy'));
    return JSON.stringify([body, this.subscriptions.states.get('healthy'), routes]);
  }
}

describe('whatever stands in the table', () => {
  test('no other subscription changes, the list stays readable, and what is rejected writes its own state alone', {
    // Sixty tables of hostile items: seconds where it is alone, more beside others.
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 6 }), async (items) => {
        const table = new Table();
        table.subscriptions.put(aSubscriptionItem({ subscriptionId: 'healthy' }));
        await table.reconcile('healthy');
        const before = await table.healthy();
        const ids = new Set<string>();
        for (const { subscriptionId, fields, isNearlyRight, manyUnknown } of items) {
          if (subscriptionId === 'healthy') continue;
          const unknown = Object.fromEntries(
            Array.from({ length: manyUnknown }, (_, index) => [`unknown-${index}-${'x'.repeat(50)}`, 1]),
          );
          const base = isNearlyRight ? aSubscriptionItem() : {};
          const written = { ...base, ...fields, ...unknown, subscriptionId } as JsonObject & { subscriptionId: string };
          table.subscriptions.put(written);
          ids.add(subscriptionId);
        }
        for (const subscriptionId of ids) await table.reconcile(subscriptionId);

        expect(await table.gate.isClosed()).toBe(false);
        await table.reconcile('healthy');
        expect(await table.healthy()).toBe(before);
        const { status, text, body } = await table.ask('GET', '/v1/subscriptions?limit=100');
        expect(status).toBe(200);
        expect(Buffer.byteLength(text)).toBeLessThan((maxAnswerBytes * (ids.size + 1)) / 100);
        expect(body.subscriptions.map(({ subscriptionId }: JsonObject) => subscriptionId)).toContain('healthy');
        for (const [stateId, state] of table.subscriptions.states) {
          expect([...ids, 'healthy']).toContain(stateId);
          expect(JSON.stringify(state).length).toBeLessThan(10_000);
        }
      }),
      { numRuns: 60 },
    );
  });
});
