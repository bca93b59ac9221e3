import fc from 'fast-check';
import { rulePattern } from '../../../lambdas/domain/subscriptions/rule-pattern.ts';
import { type ItemRules, readSubscriptionItem } from '../../../lambdas/domain/subscriptions/subscription-item.ts';
import {
  matches,
  maxPatternLength,
  parseEventPattern,
  usesWildcard,
} from '../../../lambdas/event-pattern/event-pattern.ts';
import { type JsonObject, type JsonValue, parseJson } from '../../../lambdas/json/json.ts';
import { queueSafeJson } from '../../../lambdas/json/queue-safe-json.ts';
import { type FuzzTarget, must } from '../fuzz-target.ts';
import { jsonText } from '../json-text.ts';
import { event, pattern } from '../patterns.ts';

const rules: ItemRules = {
  outboundPolicy: 'public',
  timeline: { closedToNewAt: 1, mirroredAt: 2, removedAt: 3 },
  now: Date.UTC(2026, 10, 22),
  keepsLegacy: false,
};
const secret = `whsec_${'A'.repeat(43)}=`;

const anyJson = jsonText().map((text): JsonValue => JSON.parse(text) as JsonValue);
const long = pattern.map((value): JsonValue => ({ ...value, long: ['x'.repeat(1700)] }));
const filter: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 8, arbitrary: pattern },
  // As the API stores it.
  { weight: 3, arbitrary: pattern.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: long },
  // A field that is named as a comparison.
  { weight: 1, arbitrary: pattern.map((value): JsonValue => ({ prefix: value })) },
  { weight: 1, arbitrary: anyJson },
);
/** Other fields, some of them wrong, so that the validator's faults come together. */
const others = fc.record(
  {
    eventTypes: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom<JsonValue>(
          ['new_message'],
          ['new_message', 'subscription_disabled'],
          ['x_1', 'y-2'],
        ),
      },
      anyJson,
    ),
    orgIds: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom<JsonValue>(
          [1],
          [1, '2'],
          ['9223372036854775807'],
          [JSON.rawJSON('9007199254740993')],
        ),
      },
      anyJson,
    ),
    headers: fc.oneof({ weight: 4, arbitrary: fc.constant<JsonValue>({ 'x-key': 'a b' }) }, anyJson),
  },
  { requiredKeys: ['eventTypes'] },
);

export const filters: FuzzTarget = {
  claim:
    'Any filter of a subscription is refused with the place of its fault, or makes a rule that the bus takes and that lets through exactly the data that the filter matches.',
  property: () => fc.property(filter, others, event, checkFilter) as fc.IRawProperty<unknown>,
};

export function checkFilter(given: JsonValue, fields: Record<string, JsonValue>, data: JsonObject): void {
  const item = {
    subscriptionId: 'sub_fuzz',
    url: 'https://hooks.example.com/drift',
    secrets: [secret],
    ...fields,
    filter: given,
  };
  const read = readSubscriptionItem(item, rules);
  if (read.kind === 'invalid') {
    must(read.errors.length > 0, 'refused without a reason');
    for (const { field, detail } of read.errors) {
      must(detail !== '' && detail !== undefined, `${field} is refused without a reason`);
      must(/^(filter|eventTypes|orgIds|headers)([.[]|$)/.test(field), `an error names ${field}`);
    }
    return;
  }
  const { config } = read;
  const rule = rulePattern(config);
  const text = JSON.stringify(rule);
  must(text.length <= maxPatternLength, 'the rule is longer than EventBridge takes');
  // As text: that is how it gets to EventBridge.
  const compiledRule = parseEventPattern(text);
  must(compiledRule.kind === 'pattern', () => `the rule is refused: ${JSON.stringify(compiledRule)}`);
  must(!usesWildcard(compiledRule.pattern), 'a wildcard was let through');
  const own = parseEventPattern(JSON.stringify(config.filter));
  must(own.kind === 'pattern', 'the filter by itself is refused');

  const [orgId] = config.orgIds ?? ['1'];
  const [type = ''] = config.eventTypes.filter((eventType) => !eventType.startsWith('subscription_'));
  const ofDrift = envelope('drift', type, { orgId: JSON.rawJSON(String(orgId)), data });
  if (type !== '') {
    const isWanted = matches(own.pattern, data);
    must(
      matches(compiledRule.pattern, ofDrift) === isWanted,
      () => `the rule ${isWanted ? 'holds back' : 'lets through'} ${JSON.stringify(ofDrift)}`,
    );
  }
  const test = envelope('webhook-fanout', 'webhook_test', { orgId: null, data: { subscriptionId: 'sub_fuzz' } });
  must(matches(compiledRule.pattern, test), 'a test event does not get through');
  const foreign = envelope('webhook-fanout', 'webhook_test', { orgId: null, data: { subscriptionId: 'sub_other' } });
  must(!matches(compiledRule.pattern, foreign), "another subscription's test event gets through");
}

function envelope(source: string, type: string, detail: JsonObject): JsonObject {
  const onTheBus = parseJson(queueSafeJson(JSON.stringify({ id: 'msg_1', type, ...detail })));
  return { version: '0', source, 'detail-type': type, detail: onTheBus };
}
