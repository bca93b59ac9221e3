import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMessage, aStatusUpdate, broadcastsOf } from '../../../lab/support/drift-events.ts';
import { aSubscriptionItem, itemRules } from '../../../lab/support/subscriptions.ts';
import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { Broadcast } from '../../../lambdas/domain/events/derive.ts';
import { explainOutcome, type JudgedSubscription, probablyWaits } from '../../../lambdas/domain/history/explanation.ts';
import { type RecordedEvent, readEnvelope } from '../../../lambdas/domain/history/recorded-event.ts';
import { rulePattern } from '../../../lambdas/domain/subscriptions/rule-pattern.ts';
import type { SubscriptionConfig, SubscriptionState } from '../../../lambdas/domain/subscriptions/subscription.ts';
import { readSubscriptionItem } from '../../../lambdas/domain/subscriptions/subscription-item.ts';
import type { JsonObject } from '../../../lambdas/json/json.ts';
import { createEventBuses } from '../../../local/aws/engine/event-bus.ts';
import { createVirtualClock } from '../../../local/aws/engine/virtual-clock.ts';

const now = Date.UTC(2026, 10, 22);
const ready: SubscriptionState = { subscriptionId: 'sub_1', provisioning: 'ready', appliedConfig: 'etag' };

function anEvent(broadcast: Broadcast = firstOf(broadcastsOf(aMessage())), recordedAt = now): RecordedEvent {
  const { source, detail } = broadcast;
  const envelope = { version: '0', source, 'detail-type': detail.type, detail };
  const read = readEnvelope(JSON.stringify(envelope), recordedAt);
  if (read.kind !== 'event') throw new Error(read.reason);
  return read.event;
}

function aSubscription(
  fields: JsonObject = {},
  state: SubscriptionState | undefined = ready,
): JudgedSubscription & { kind: 'valid' } {
  const read = readSubscriptionItem(aSubscriptionItem(fields), itemRules({ now, keepsLegacy: true }));
  if (read.kind === 'invalid') throw new Error(JSON.stringify(read.errors));
  return { kind: 'valid', config: read.config, state };
}

const firstOf = <T>(list: readonly T[]): T => list[0] as T;
const aRecord = (fields: Partial<DeliveryRecord>): DeliveryRecord => ({
  subscriptionId: 'sub_1',
  webhookId: 'msg_1',
  state: 'delivered',
  attempts: 1,
  eventType: 'new_message',
  occurredAt: now,
  history: [],
  ttl: 0,
  ...fields,
});

describe('the outcome of an event at a subscription', () => {
  it('is waiting where its rule matches and nothing was tried', () => {
    expect(explainOutcome(anEvent(), aSubscription(), undefined, now)).toMatchObject({
      outcome: 'waiting',
      reason: expect.stringContaining('waits in the queue'),
    });
  });

  it('says of a subscription that was made moments before the event that its rule may not have matched', () => {
    const justMade = aSubscription({ createdAt: '2026-11-21T23:59:30.000Z' });
    expect(explainOutcome(anEvent(), justMade, undefined, now)).toMatchObject({
      outcome: 'waiting',
      reason: expect.stringContaining('moments before the event'),
    });
  });

  it('says of an event whose queue was deleted and made again after it that it is gone, and of a later one that it waits', () => {
    const gone = /made again at 2026-11-22T00:00:00\.001Z.*gone: resend it/;
    const again = { ...ready, queueMadeAgainAt: now + 1 };
    const explained = (state: SubscriptionState, fields = {}) =>
      explainOutcome(anEvent(), aSubscription(fields, state), undefined, now);
    expect(explained(again)).toMatchObject({ outcome: 'waiting', reason: expect.stringMatching(gone) });
    expect(explained(again, { status: 'paused' })).toMatchObject({
      outcome: 'held',
      reason: expect.stringMatching(new RegExp(`is paused.*${gone.source}`)),
    });
    expect(probablyWaits(anEvent(), aSubscription({}, again), now)).toBe(false);
    const before = { ...ready, queueMadeAgainAt: now };
    expect(explained(before).reason).toContain('waits in the queue');
    expect(probablyWaits(anEvent(), aSubscription({}, before), now)).toBe(true);
  });

  it('names the type where the subscription does not ask for it', () => {
    const asked = aSubscription({ eventTypes: ['conversation_push'] });
    expect(explainOutcome(anEvent(), asked, undefined, now)).toEqual({
      outcome: 'not-matched',
      reason: 'the subscription does not ask for new_message',
      clause: { kind: 'type', path: '', expected: '["conversation_push"]', found: '"new_message"' },
    });
  });

  it('names the organisation where the subscription asks for others, with 64-bit ids as they are', () => {
    const event = anEvent(firstOf(broadcastsOf(aMessage({}, '9007199254740993'))));
    const asked = aSubscription({ orgIds: [JSON.rawJSON('9007199254740992')] });
    expect(explainOutcome(event, asked, undefined, now)).toMatchObject({
      outcome: 'not-matched',
      clause: { kind: 'organisation', expected: '[9007199254740992]', found: '9007199254740993' },
    });
  });

  it("names the filter's path, what it expects and what is there", () => {
    const asked = aSubscription({ filter: { author: { type: ['user'] } } });
    expect(explainOutcome(anEvent(), asked, undefined, now)).toEqual({
      outcome: 'not-matched',
      reason: 'the filter does not let it through: author.type is "contact"; wanted: ["user"]',
      clause: { kind: 'filter', path: 'author.type', expected: '["user"]', found: '"contact"' },
    });
  });

  it('is not-entitled for the legacy event after its end', () => {
    const retired = firstOf(broadcastsOf(aStatusUpdate()));
    expect(retired.source).toBe('drift.retired');
    const asked = aSubscription({ eventTypes: ['conversation_status_updated', 'new_message'] });
    expect(explainOutcome(anEvent(retired), asked, undefined, now)).toMatchObject({ outcome: 'not-entitled' });
  });

  it('is created-later for a subscription that was made after the event', () => {
    const later = aSubscription({ createdAt: '2026-11-22T00:00:01.000Z' });
    expect(explainOutcome(anEvent(), later, undefined, now)).toMatchObject({ outcome: 'created-later' });
    const byHand = aSubscription({}, { ...ready, acceptedAt: now + 1 });
    const ofPredecessor = aRecord({ state: 'delivered', firstAttemptAt: now });
    expect(explainOutcome(anEvent(), byHand, ofPredecessor, now).outcome).toBe('created-later');
  });

  it.each<[string, JsonObject, Partial<SubscriptionState>, RegExp, number | undefined]>([
    ['paused', { status: 'paused' }, {}, /is paused/, undefined],
    [
      'disabled',
      {},
      { disabled: { at: now - 1, reason: 'the receiver is gone (status 410)' } },
      /status 410/,
      undefined,
    ],
    ['throttled', {}, { throttledUntil: now + 1 }, /asked for a pause/, now + 1],
    [
      'circuit open',
      {},
      { circuit: { state: 'open', reason: 'failing', since: now - 1, probeAt: now + 9, probes: 1 } },
      /circuit is open/,
      now + 9,
    ],
  ])('is held while the subscription is %s, and says until when', (_, fields, state, reason, until) => {
    const explained = explainOutcome(anEvent(), aSubscription(fields, { ...ready, ...state }), undefined, now);
    expect(explained).toMatchObject({ outcome: 'held', reason: expect.stringMatching(reason) });
    expect(explained.until).toBe(until);
  });

  it("is the ledger's state where the ledger has the event, whatever the configuration of now says", () => {
    const asksNoMore = aSubscription({ eventTypes: ['conversation_push'] });
    for (const state of ['delivered', 'exhausted', 'discarded'] as const) {
      expect(explainOutcome(anEvent(), asksNoMore, aRecord({ state, lastStatus: 500 }), now).outcome).toBe(state);
    }
    const retrying = aRecord({ state: 'retrying', attempts: 3, lastStatus: 503, nextAttemptAt: now + 60_000 });
    expect(explainOutcome(anEvent(), asksNoMore, retrying, now)).toEqual({
      outcome: 'retrying',
      reason: '3 attempts failed, the last with status 503; it is tried again',
      until: now + 60_000,
    });
    const untried = aRecord({ state: 'retrying', attempts: 0, nextAttemptAt: now });
    const paused = explainOutcome(anEvent(), aSubscription({ status: 'paused' }), untried, now);
    expect(paused).toEqual({ outcome: 'held', reason: 'it waits, and was not tried yet; the subscription is paused' });
  });

  it.each([
    [
      'disabled',
      { disabled: { at: now, reason: 'the endpoint answered 410' } },
      {},
      /^2 attempts failed, the last with status 410; the subscription is disabled since .*answered 410$/,
    ],
    ['paused', {}, { status: 'paused' }, /^2 attempts failed, the last with status 410; the subscription is paused$/],
  ] as const)(
    'is held where it is being retried and the subscription is %s: no next attempt is promised',
    (_, state, fields, reason) => {
      const retrying = aRecord({ state: 'retrying', attempts: 2, lastStatus: 410, nextAttemptAt: now + 5000 });
      const held = { outcome: 'held', reason: expect.stringMatching(reason) };
      const subscription = aSubscription(fields, { ...ready, ...state });
      expect(explainOutcome(anEvent(), subscription, retrying, now)).toEqual(held);
    },
  );

  it('of what is being retried is held until the next probe, or until its own next attempt is what it waits for', () => {
    const probeAt = now + 60_000;
    const open = aSubscription(
      {},
      { ...ready, circuit: { state: 'open', reason: 'failing', since: now, probeAt, probes: 1 } },
    );
    const next = (nextAttemptAt: number) =>
      explainOutcome(anEvent(), open, aRecord({ state: 'retrying', nextAttemptAt }), now);
    expect(next(probeAt - 1)).toMatchObject({ outcome: 'held', until: probeAt });
    expect(next(probeAt + 1)).toMatchObject({ outcome: 'retrying', until: probeAt + 1 });
  });

  it('is held for a rejected item, with what is wrong with it', () => {
    const rejected: JudgedSubscription = {
      kind: 'rejected',
      subscriptionId: 'sub_1',
      reason: 'url: is missing',
      state: { subscriptionId: 'sub_1', provisioning: 'rejected', acceptedAt: now },
    };
    const theirs = aRecord({ state: 'delivered', firstAttemptAt: now - 1 });
    expect(explainOutcome(anEvent(), rejected, theirs, now).outcome).toBe('held');
    expect(explainOutcome(anEvent(), rejected, undefined, now)).toMatchObject({
      outcome: 'held',
      reason: expect.stringContaining('url: is missing'),
    });
    const retrying = aRecord({ state: 'retrying', firstAttemptAt: now, nextAttemptAt: now + 5000 });
    expect(explainOutcome(anEvent(), rejected, retrying, now)).toEqual({
      outcome: 'held',
      reason: expect.stringMatching(/^1 attempt failed; .*url: is missing/),
    });
  });
});

describe('what the bus does and what the explanation says', () => {
  const types = ['new_message', 'conversation_status_updated', 'conversation_push', 'webhook_delivery_exhausted'];
  const filters: (JsonObject | undefined)[] = [
    undefined,
    { author: { type: ['contact'] } },
    { author: { bot: [{ exists: false }] } },
    { conversationId: [{ numeric: ['>', 5] }] },
    { $or: [{ status: ['closed'] }, { id: [1, 2] }] },
    { tags: ['a'] },
  ];
  const subscriptions = fc.record({
    eventTypes: fc.uniqueArray(fc.constantFrom(...types), { minLength: 1 }),
    orgIds: fc.option(fc.uniqueArray(fc.constantFrom('1', '2'), { minLength: 1 }), { nil: undefined }),
    filter: fc.constantFrom(...filters),
  });
  const events = fc.record({
    source: fc.constantFrom('drift', 'drift.retired', 'webhook-fanout'),
    type: fc.constantFrom(...types, 'webhook_test'),
    orgId: fc.constantFrom(1, 2, null),
    data: fc.record(
      {
        subscriptionId: fc.constantFrom('sub_1', 'sub_2'),
        conversationId: fc.constantFrom(1, 7),
        id: fc.constantFrom(1, 3),
        status: fc.constantFrom('open', 'closed'),
        author: fc.record({ type: fc.constantFrom('contact', 'user'), bot: fc.boolean() }, { requiredKeys: [] }),
        tags: fc.array(fc.constantFrom('a', 'b')),
      },
      { requiredKeys: [] },
    ),
  });

  it('agree on every pair: what the rule matches is never not-matched, and the reverse', () => {
    fc.assert(
      fc.property(subscriptions, events, (asked, { source, type, orgId, data }) => {
        const config = Object.fromEntries(
          Object.entries({ ...asked, subscriptionId: 'sub_1', url: 'https://a.example', status: 'active' }).filter(
            ([, value]) => value !== undefined,
          ),
        ) as unknown as SubscriptionConfig;
        const detail = { id: 'msg_1', orgId, type, data: data as JsonObject, occurredAt: now };
        const explained = explainOutcome(
          anEvent({ source: source as Broadcast['source'], detail }),
          { kind: 'valid', config: { ...config, secrets: [{ secret: 'whsec_x' }] }, state: ready },
          undefined,
          now,
        );
        const isRefused = explained.outcome === 'not-matched' || explained.outcome === 'not-entitled';
        expect(isRefused).toBe(!busMatches(config, source, detail));
      }),
      { numRuns: 400 },
    );
  });
});

/** The engine's bus with the rule that `provision` would put. */
function busMatches(config: SubscriptionConfig, source: string, detail: Broadcast['detail']): boolean {
  let isMatched = false;
  const buses = createEventBuses({
    clock: createVirtualClock(now),
    region: 'us-east-1',
    accountId: '000000000000',
    random: () => 0,
    deliver: () => {
      isMatched = true;
      return { kind: 'delivered' };
    },
    onDropped: () => {},
  });
  buses.createBus('bus');
  buses.putRule({ name: 'rule', bus: 'bus', eventPattern: JSON.stringify(rulePattern(config)) });
  buses.putTargets('rule', [{ id: 'queue', arn: 'arn:aws:sqs:us-east-1:000000000000:queue' }], 'bus');
  buses.putEvents([{ source, detailType: detail.type, detail: JSON.stringify(detail), bus: 'bus' }]);
  return isMatched;
}
