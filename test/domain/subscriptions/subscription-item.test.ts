import { describe, expect, it } from 'vitest';
import { aSecret, aSubscriptionItem, aTimeline, day, itemRules } from '../../../lab/support/subscriptions.ts';
import { readDriftEvent } from '../../../lambdas/domain/events/drift-post.ts';
import { type ItemRules, readSubscriptionItem } from '../../../lambdas/domain/subscriptions/subscription-item.ts';
import { type JsonObject, parseJson } from '../../../lambdas/json/json.ts';
import { queueSafeJson } from '../../../lambdas/json/queue-safe-json.ts';

function faultsOf(fields: JsonObject, rules: Partial<ItemRules> = {}): string[] {
  const read = readSubscriptionItem(aSubscriptionItem(fields), itemRules(rules));
  return read.kind === 'valid' ? [] : read.errors.map(({ field, detail }) => `${field}: ${detail}`);
}

function configOf(fields: JsonObject = {}) {
  const read = readSubscriptionItem(aSubscriptionItem(fields), itemRules());
  if (read.kind === 'invalid') throw new Error(JSON.stringify(read.errors));
  return read.config;
}

describe('a subscription', () => {
  it('needs no more than an id, a url and event types, and is active', () => {
    const item = { subscriptionId: 'crm', url: 'https://crm.example.com/', eventTypes: ['new_message'] };
    expect(readSubscriptionItem(item, itemRules())).toEqual({ kind: 'valid', config: { ...item, status: 'active' } });
  });

  it.each(['crm/deal won', 'привет', '✨ new', '*', 'x'.repeat(128)])('may ask for what Drift may post: %s', (type) => {
    expect(readDriftEvent({ orgId: 1, type, data: {} }).kind).toBe('event');
    expect(configOf({ eventTypes: [type] }).eventTypes).toEqual([type]);
  });

  it.each([
    [{ url: undefined }, 'url: is missing'],
    [{ url: 5 }, 'url: must be a text'],
    [{ url: 'http://example.com/' }, 'url: must begin with https://'],
    [{ url: 'https://user:pass@example.com/' }, 'url: must not hold a user name or password'],
    [{ url: 'https://169.254.169.254/' }, /^url: points to an address that is not public/],
    [{ eventTypes: [] }, 'eventTypes: must have at least 1 entry'],
    [{ eventTypes: 'new_message' }, 'eventTypes: must be a list'],
    [{ eventTypes: [''] }, 'eventTypes[0]: must be the name of an event type, as new_message'],
    [{ eventTypes: ['new\nmessage'] }, 'eventTypes[0]: must be the name of an event type, as new_message'],
    [{ eventTypes: ['x'.repeat(129)] }, 'eventTypes[0]: must have at most 128 characters'],
    [{ eventTypes: ['a', 'b', 'a'] }, 'eventTypes[2]: lists a more than once'],
    [{ eventTypes: ['converation_manual_push'] }, 'eventTypes[0]: is a misspelling of conversation_manual_push'],
    [{ eventTypes: ['webhook_test'] }, 'eventTypes[0]: is sent on request only; it needs no subscription'],
    [{ eventTypes: Array.from({ length: 51 }, (_, i) => `t${i}`) }, 'eventTypes: must have at most 50 entries'],
    [{ orgIds: [] }, 'orgIds: must have at least 1 entry'],
    [{ orgIds: [1, 'x'] }, /^orgIds\[1\]: must be an organisation id/],
    [{ orgIds: [1, '01'] }, 'orgIds[1]: lists 1 more than once'],
    [{ orgIds: ['9223372036854775808'] }, 'orgIds[0]: is not a 64-bit number'],
    [{ orgIds: Array.from({ length: 51 }, (_, i) => i) }, 'orgIds: must have at most 50 entries'],
    [{ headers: { 'Webhook-Id': 'x' } }, 'headers.Webhook-Id: is set by the delivery itself'],
    [{ headers: { host: 'x' } }, 'headers.host: is set by the delivery itself'],
    [{ headers: { 'a b': 'x' } }, 'headers.a b: is not a legal header name'],
    [{ headers: { a: 'x\r\nb: y' } }, /^headers\.a: must be visible ASCII/],
    [{ headers: { 'X-A': '1', 'x-a': '2' } }, 'headers.x-a: is given more than once'],
    [
      { headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, 'v'])) },
      'headers: must have at most 20 entries',
    ],
    [{ description: 'x'.repeat(501) }, 'description: must have at most 500 characters'],
    [{ status: 'disabled' }, 'status: must be "active" or "paused"'],
    [{ maxConcurrency: 1 }, 'maxConcurrency: must be at least 2'],
    [{ maxConcurrency: 1001 }, 'maxConcurrency: must be at most 1000'],
    [{ maxBatchingWindowSeconds: 61 }, 'maxBatchingWindowSeconds: must be at most 60'],
    [{ maxBatchingWindowSeconds: -1 }, 'maxBatchingWindowSeconds: must be at least 0'],
    [{ maxConcurrency: 2.5 }, 'maxConcurrency: must be a whole number'],
    [{ subscriptionId: 'a/b' }, 'subscriptionId: must be 1 to 40 of A-Z a-z 0-9 _ -'],
    [{ subscriptionId: 'x-dlq' }, 'subscriptionId: must not end with -dlq'],
    [{ secrets: ['hunter2'] }, /^secrets\[0\]: must be whsec_/],
    [{ secrets: [{ secret: aSecret, expiresAt: 'soon' }] }, /^secrets\[0\]\.expiresAt: must be an instant/],
    [{ orgIDs: [1] }, 'orgIDs: is not a known field'],
    [{ filter: 'not json' }, 'filter: is not valid JSON'],
    [{ filter: { status: [{ wildcard: 'a*' }] } }, /^filter\.status\[0\]\.wildcard: wildcard is not offered/],
    [{ filter: { s: [{ 'anything-but': { wildcard: 'a*' } }] } }, /^filter\.s\[0\]\.anything-but\.wildcard: /],
    [{ filter: { $or: [{ s: [{ wildcard: 'a*' }] }, { b: [1] }] } }, /^filter\.\$or\[0\]\.s\[0\]\.wildcard: /],
    [{ filter: { status: 'closed' } }, /^filter\.status: /],
    [{ filter: {} }, /^filter: /],
    [{ filter: { a: ['x'.repeat(2048)] } }, /^filter: has 2058 characters; at most 2048/],
    [{ filter: { a: ['x'.repeat(1990)] } }, /^filter: eventTypes, orgIds and filter together make a rule of 2\d\d\d/],
  ] as [JsonObject, string | RegExp][])('%#: what is wrong is refused, and the field named', (fields, expected) => {
    const faults = faultsOf(fields);
    expect(faults).toHaveLength(1);
    if (typeof expected === 'string') expect(faults[0]).toBe(expected);
    else expect(faults[0]).toMatch(expected);
  });

  it('is refused where its filter alone is possible and its whole rule, which has alternatives of its own, is not', () => {
    const choice = (prefix: string, count: number) => ({
      $or: Array.from({ length: count }, (_, index) => ({ [`${prefix}${index}`]: [1] })),
    });
    const filterOf = (count: number) => ({ ...choice('a', 25), x: choice('b', count) });
    expect(faultsOf({ filter: filterOf(20) })).toEqual([]);
    expect(faultsOf({ filter: filterOf(21) })).toEqual([
      'filter.x.$or: makes more than 1000 combinations of $or alternatives; every rule has a $or of its own',
    ]);
    const eventTypes = ['new_message', 'webhook_delivery_exhausted'];
    expect(faultsOf({ filter: filterOf(13), eventTypes })).toEqual([]);
    expect(faultsOf({ filter: filterOf(14), eventTypes })).toHaveLength(1);
  });

  it.each([
    ['filter.a[0]: has U+FFFF', { a: ['\uffff'] }],
    ['filter.a[1]: has U+FFFE', { a: ['x', 'x\ufffe'] }],
    ['filter.a[0]: has U+D83D', { a: ['\ud83dx'] }],
    ['filter.a[0]: has U+DE00', { a: ['👋\ude00\uffff'] }],
    ['filter.a[0]: has U+241B', { a: ['\u241bffff'] }],
    ['filter.a[0].anything-but[1]: has U+FFFF', { a: [{ 'anything-but': ['x', '\uffff'] }] }],
    ['filter.a[0].anything-but.suffix: has U+FFFF', { a: [{ 'anything-but': { suffix: '\uffff' } }] }],
    ['filter.a[0].prefix: has U+241B', { a: [{ prefix: '\u241b' }] }],
    ['filter.a[0].suffix.equals-ignore-case: has U+D83D', { a: [{ suffix: { 'equals-ignore-case': '\ud83d' } }] }],
    ['filter.$or[1].b.c[0]: has U+FFFE', { $or: [{ a: [1] }, { b: { c: ['\ufffe'] } }] }],
    ['filter.a: has a key with U+FFFF', { a: { 'b\uffff': ['x'] } }],
    ['filter: has a key with U+DE00', '{"\\ude00":[1]}'],
  ])('is refused where a character of its filter is on the bus in another spelling: %s', (expected, filter) => {
    expect(faultsOf({ filter })).toEqual([`${expected}, which a rule cannot compare`]);
  });

  it.each(['é', '👋', '\u{1ffff}', '\n', '\t', '\ufffd', '\u241a', '\u0000', '\\uffff'])(
    'may have in its filter what is on the bus as it was sent: %j',
    (text) => {
      const filter = { [text]: [text, { 'anything-but': [text] }, { prefix: text }, { suffix: text }] };
      expect(configOf({ filter }).filter).toEqual(filter);
      const data = JSON.stringify({ [text]: text });
      expect(queueSafeJson(data)).toBe(data);
    },
  );

  it('hears of all that is wrong with it at once', () => {
    expect(faultsOf({ url: 'ftp://x', orgIds: [3, 3], headers: { host: 'h' } })).toHaveLength(3);
  });

  it('hears of ten things that are wrong with it, and how many more there are, in words that stay short', () => {
    const attributes = Object.fromEntries(Array.from({ length: 6000 }, (_, i) => [`${i}-${'x'.repeat(2000)}`, 'x']));
    const faults = faultsOf(attributes);
    expect(faults).toHaveLength(11);
    expect(faults.at(-1)).toBe(': and 5990 more');
    expect(faults.join().length).toBeLessThan(5000);
  });

  it.each([
    ['a time that is none', 8_640_000_000_000_001],
    ['the end of time', 9_007_199_254_740_991],
  ])('is refused when a secret expires at %s', (_, expiresAt) => {
    expect(faultsOf({ secrets: [{ secret: aSecret, expiresAt }] })[0]).toMatch(/^secrets\[0\]/);
  });

  it.each([
    ['in seconds, as DynamoDB writes times', 1_900_000_000],
    ['in the past', '2020-01-01T00:00:00Z'],
  ])('is refused when its only secret expires %s: nothing could be signed', (_, expiresAt) => {
    const secrets = [{ secret: aSecret, expiresAt }];
    expect(faultsOf({ secrets }, { now: Date.UTC(2026, 0) })[0]).toMatch(/^secrets: have all expired/);
  });

  it.each([
    ['filter.wildcard', { wildcard: ['x'] }],
    ['filter.nested.exists', { nested: { exists: [{ exists: true }] } }],
    ['filter.prefix', { prefix: ['x'] }],
  ])(
    'is refused where a field of its filter, %s, is a word that EventBridge takes for no field in a rule with $or',
    (field, filter) => {
      const word = field.split('.').at(-1);
      expect(faultsOf({ filter })).toEqual([
        `${field}: "${word}" cannot be a field below $or: it is a word of the language; every rule has a $or of its own`,
      ]);
    },
  );

  it.each([
    ['a number', '1234', '1234'],
    ['digits', '"1234"', '1234'],
    ['a number below zero', '-1', '-1'],
    ['digits below zero', '"-01"', '-1'],
    ['a number that a double would round', '9007199254740993', '9007199254740993'],
  ])('names an organisation by %s, and no digit is lost', (_, json, expected) => {
    expect(configOf({ orgIds: parseJson(`[${json}]`) }).orgIds).toEqual([expected]);
  });

  it('may hold its filter as JSON text, whose numbers stay as they are written', () => {
    const { filter } = configOf({ filter: '{"price":[300.0],"id":[9007199254740993]}' });
    expect(JSON.stringify(filter)).toBe('{"price":[300.0],"id":[9007199254740993]}');
  });

  it('may hold secrets as texts, or with an end in either notation', () => {
    const { secrets } = configOf({
      secrets: [aSecret, { secret: aSecret, expiresAt: 5 }, { secret: aSecret, expiresAt: '1970-01-01T00:00:01Z' }],
    });
    expect(secrets?.map(({ expiresAt }) => expiresAt)).toEqual([undefined, 5, 1000]);
  });

  it('may have other rules than a deployed one where the outbound policy is local', () => {
    expect(faultsOf({ url: 'http://127.0.0.1:9/' }, { outboundPolicy: 'local' })).toEqual([]);
  });
});

describe('conversation_status_updated', () => {
  const legacy = { eventTypes: ['conversation_status_updated'] };
  const timeline = aTimeline(0);

  it('is open to all until it is closed to new subscribers', () => {
    expect(faultsOf(legacy, { timeline, now: day - 1 })).toEqual([]);
    expect(faultsOf(legacy, { timeline, now: day })).toEqual([
      'eventTypes[0]: conversation_status_updated is closed to new subscribers since 1970-01-02; subscribe to conversation_manual_push, conversation_inactive, conversation_push instead',
    ]);
  });

  it('stays with those who have it', () => {
    expect(faultsOf(legacy, { timeline, now: 3 * day - 1, keepsLegacy: true })).toEqual([]);
  });

  it('is refused to all who want nothing else once it is removed', () => {
    const removed = { timeline, now: 3 * day, keepsLegacy: true };
    expect(faultsOf(legacy, removed)[0]).toContain('was removed on 1970-01-04');
    expect(faultsOf({ eventTypes: ['new_message', 'conversation_status_updated'] }, removed)).toEqual([]);
    expect(
      faultsOf({ eventTypes: ['new_message', 'conversation_status_updated'] }, { ...removed, keepsLegacy: false }),
    ).toHaveLength(1);
  });
});
