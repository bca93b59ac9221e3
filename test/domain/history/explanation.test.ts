import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMessage, aStatusUpdate, broadcastsOf } from '../../../lab/support/drift-events.ts';
import { aSubscriptionItem, itemRules } from '../../../lab/support/subscriptions.ts';
import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { Broadcast } from '../../../lambdas/domain/events/derive.ts';
import {
  explainOutcome,
  type JudgedSubscription,
  mayBeForSubscription,
  probablyWaits,
} from '../../../lambdas/domain/history/explanation.ts';
import { type RecordedEvent, readEnvelope } from '../../../lambdas/domain/history/recorded-event.ts';
import { rulePattern } from '../../../lambdas/domain/subscriptions/rule-pattern.ts';
import type { SubscriptionConfig, SubscriptionState } from '../../../lambdas/domain/subscriptions/subscription.ts';
import { readSelection, readSubscriptionItem } from '../../../lambdas/domain/subscriptions/subscription-item.ts';
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
      selection: {},
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

describe('a rejected item', () => {
  const wasReady: SubscriptionState = { ...ready, provisioning: 'rejected', acceptedAt: now - 1 };
  const rejected = (item: JsonObject, state: SubscriptionState | undefined): JudgedSubscription => ({
    kind: 'rejected',
    subscriptionId: 'sub_1',
    reason: 'url: is not a url',
    selection: readSelection(item),
    state,
  });
  const never = { subscriptionId: 'sub_1', provisioning: 'rejected' } as const;

  it.each([undefined, never])('that was never in force holds nothing, and says why (%j)', (state) => {
    const subscription = rejected({ eventTypes: ['new_message'] }, state);
    expect(explainOutcome(anEvent(), subscription, undefined, now)).toEqual({
      outcome: 'created-later',
      reason:
        'the subscription has never been in force, since its item is rejected (url: is not a url): nothing waits for it',
    });
    expect(mayBeForSubscription(anEvent(), subscription)).toBe(false);
  });

  it('whose queue was made again after the event has lost it', () => {
    const again = { ...wasReady, queueMadeAgainAt: now + 1 };
    const reasonOf = (item: JsonObject) => explainOutcome(anEvent(), rejected(item, again), undefined, now).reason;
    expect(reasonOf({})).toMatch(/^the subscription is rejected .*; besides, .*is gone: resend it/);
    expect(reasonOf({ eventTypes: ['conversation_push'] })).toBe('the subscription does not ask for new_message');
  });

  it('holds nothing of before it was first in force', () => {
    const later = rejected({ eventTypes: ['new_message'] }, { ...wasReady, acceptedAt: now + 1 });
    expect(explainOutcome(anEvent(), later, undefined, now).outcome).toBe('created-later');
  });

  it.each<[JsonObject, string]>([
    [{ eventTypes: ['conversation_push'] }, 'type'],
    [{ eventTypes: ['new_message'], orgIds: [JSON.rawJSON('2'), '3'] }, 'organisation'],
    [{ eventTypes: 'nonsense', orgIds: [2] }, 'organisation'],
    [{ eventTypes: ['new_message'], filter: { author: { type: ['user'] } } }, 'filter'],
    [{ eventTypes: ['new_message'], filter: '{"author":{"type":["user"]}}' }, 'filter'],
  ])(
    'that was in force and plainly asks for others does not match, and the rule of before may have: %j',
    (item, kind) => {
      expect(explainOutcome(anEvent(), rejected(item, wasReady), undefined, now)).toMatchObject({
        outcome: 'not-matched',
        clause: { kind },
        reason: expect.stringMatching(/url: is not a url.*rule is the one from before.*queue\.waiting/),
      });
    },
  );

  it.each<JsonObject>([
    {},
    { eventTypes: ['new_message'], orgIds: [1], filter: { author: { type: ['contact'] } } },
    { eventTypes: ['new_message', 7] },
    { eventTypes: ['new_message'], orgIds: ['99999999999999999999'] },
    { eventTypes: ['new_message'], orgIds: { a: 1 } },
    { eventTypes: ['new_message'], filter: { author: 'user' } },
    { eventTypes: ['new_message'], filter: '{"author":' },
  ])('that was in force holds what it asks for, and what nobody can know: %j', (item) => {
    const subscription = rejected(item, wasReady);
    expect(explainOutcome(anEvent(), subscription, undefined, now)).toEqual({
      outcome: 'held',
      reason: 'the subscription is rejected (url: is not a url): nothing is delivered until its item is corrected',
    });
    expect(mayBeForSubscription(anEvent(), subscription)).toBe(true);
  });
});

describe('a configuration that was changed', () => {
  const createdAt = '2026-11-20T00:00:00.000Z';
  const second = 1000;
  const minute = 60 * second;
  const iso = (time: number) => new Date(time).toISOString();
  const users = { eventTypes: ['new_message'], filter: { author: { type: ['user'] } }, createdAt };
  const reasonOf = (fields: JsonObject, state: Partial<SubscriptionState> = {}, at = now) => {
    const explained = explainOutcome(anEvent(), aSubscription(fields, { ...ready, ...state }), undefined, at);
    return explained.reason;
  };
  const plain = 'the filter does not let it through: author.type is "contact"; wanted: ["user"]';

  it('after the event does not match it for certain: by the one before it may wait, and is delivered', () => {
    const changed = { ...users, updatedAt: iso(now + minute) };
    const explained = explainOutcome(anEvent(), aSubscription(changed), undefined, now + 2 * minute);
    expect(explained).toMatchObject({ outcome: 'not-matched', clause: { kind: 'filter' } });
    expect(explained.reason).toBe(
      `${plain}; judged by the configuration of now, which was changed at 2026-11-22T00:01:00.000Z, and not by the one before: if that one matched, the event may be waiting in the queue (queue.waiting of the subscription) and is delivered`,
    );
    // A rule takes a moment to follow.
    expect(reasonOf({ ...users, updatedAt: iso(now - second) })).toContain('queue.waiting');
  });

  it.each<[string, JsonObject, Partial<SubscriptionState>, number]>([
    ['it was never changed', { ...users, updatedAt: createdAt }, {}, now],
    ['nobody knows of a change', users, {}, now],
    ['it was changed long before', { ...users, updatedAt: iso(now - 3 * minute) }, {}, now],
    ['it was made after the event', { ...users, createdAt: iso(now + second), updatedAt: iso(now + minute) }, {}, now],
    ['the queue has forgotten it', { ...users, updatedAt: iso(now + minute) }, {}, now + 15 * 24 * 60 * minute],
    ['its queue was made again', { ...users, updatedAt: iso(now + minute) }, { queueMadeAgainAt: now + 1 }, now],
  ])('says nothing of the one before where %s', (_, fields, state, at) => {
    expect(reasonOf(fields, state, at)).toBe(plain);
  });

  it('minutes ago, or resumed, says that what was being read comes up to two minutes later, and advises no resend', () => {
    const justMade = { createdAt: iso(now - 30 * second) };
    const resumed = { ...justMade, updatedAt: iso(now + 10 * second), resumedAt: iso(now + 10 * second) };
    for (const fields of [resumed, { ...justMade, resumedAt: iso(now + 10 * second) }]) {
      const reason = reasonOf(fields, {}, now + 130 * second);
      expect(reason).toMatch(/changed or resumed at 2026-11-22T00:00:10\.000Z.*up to two minutes after they go on$/);
      expect(reason).not.toContain('resend');
    }
    expect(reasonOf(resumed, {}, now + 10 * minute)).toContain('moments before the event');
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
