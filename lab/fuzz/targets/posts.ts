import fc from 'fast-check';
import { deriveBroadcasts } from '../../../lambdas/domain/events/derive.ts';
import { maxNestingDepth, readDriftEvent, readDriftPost } from '../../../lambdas/domain/events/drift-post.ts';
import { eventTypes } from '../../../lambdas/domain/events/event-types.ts';
import { publishedLegacyTimeline } from '../../../lambdas/domain/events/legacy-timeline.ts';
import { canonicalJson, type JsonValue, nestingDepth, parseJson } from '../../../lambdas/json/json.ts';
import { type FuzzTarget, must } from '../fuzz-target.ts';
import { damaged, jsonText, jsonWords, numberText, stringText } from '../json-text.ts';

const knownKeys = 'id conversationId status changedAt lastUpdated createdAt body author type __proto__'.split(' ');
const keyText = fc.oneof(fc.constantFrom(...knownKeys.map((key) => JSON.stringify(key))), stringText);
const data = fc.oneof(
  jsonText(keyText),
  fc
    .array(fc.tuple(keyText, fc.oneof(numberText, jsonText(keyText))), { maxLength: 6 })
    .map((members) => `{${members.map(([key, value]) => `${key}:${value}`).join(',')}}`),
  // A command, a close, an inactivity: what is derived from.
  fc
    .tuple(
      numberText,
      numberText,
      fc.constantFrom('"/sync"', '"<p> /sync </p>"', '"/syn"'),
      fc.constantFrom('"user"', '"contact"'),
    )
    .map(
      ([id, at, body, author]) =>
        `{"conversationId":${id},"createdAt":${at},"body":${body},"author":{"type":${author}},"id":${at}}`,
    ),
  fc
    .tuple(numberText, numberText, fc.constantFrom('"closed"', '"open"', '1'))
    .map(([id, at, status]) => `{"conversationId":${id},"changedAt":${at},"lastUpdated":${at},"status":${status}}`),
);
const member = fc.oneof(
  fc.tuple(fc.constant('"orgId"'), numberText),
  fc.tuple(
    fc.constant('"type"'),
    fc.oneof(fc.constantFrom(...Object.values(eventTypes).map((type) => JSON.stringify(type))), stringText),
  ),
  fc.tuple(fc.constant('"data"'), data),
  fc.tuple(fc.constant('"token"'), stringText),
  fc.tuple(keyText, jsonText(keyText)),
);
const post = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(numberText, fc.constantFrom(...Object.values(eventTypes)), data, fc.array(member, { maxLength: 2 }))
      .map(([orgId, type, dataText, extra]) => {
        const members = [
          `"orgId":${orgId}`,
          `"type":"${type}"`,
          `"data":${dataText}`,
          ...extra.map((pair) => pair.join(':')),
        ];
        return `{${members.join(',')}}`;
      }),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(member, { maxLength: 6 })
      .map((members) => `{${members.map((pair) => pair.join(':')).join(',')}}`),
  },
  { weight: 2, arbitrary: jsonText(keyText) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('[', '{"a":'), fc.integer({ min: 1, max: 1100 }))
      .map(
        ([open, depth]) =>
          `{"orgId":1,"type":"x","data":{"d":${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}}}`,
      ),
  },
);
const text = fc.oneof(
  { weight: 6, arbitrary: post },
  { weight: 3, arbitrary: damaged(post, jsonWords) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
);

export const posts: FuzzTarget = {
  claim:
    'Any text posted to ingest is refused with its field, or read: as JSON.parse reads it, but no digit of a number lost, and what is derived from it can be published.',
  property: () => fc.property(text, checkPost) as fc.IRawProperty<unknown>,
};

export function checkPost(posted: string): void {
  const read = readDriftPost(posted);
  const plain = plainly(posted);
  if (read.kind === 'invalid') {
    must(read.reason !== '', 'a refusal says why');
    const tooDeep = nestingDepth(posted) > maxNestingDepth;
    must(
      tooDeep || plain === undefined || !isPlainObject(plain.value),
      () => `refused what is an object: ${read.reason}`,
    );
    return;
  }
  must(plain !== undefined && isPlainObject(plain.value), 'took what JSON.parse does not');
  checkJson(posted);

  const event = readDriftEvent(read.readBody());
  if (event.kind === 'invalid') {
    must(event.field !== '' && event.reason !== '', 'a refusal names its field');
    return;
  }
  const { orgId, data: eventData } = event.event;
  must(/^(0|-?[1-9]\d*)$/.test(orgId), () => `orgId is no plain integer: ${orgId}`);
  must(BigInt.asIntN(64, BigInt(orgId)) === BigInt(orgId), 'orgId has more than 64 bits');
  for (const now of [Date.UTC(2020, 6, 1), Date.UTC(2026, 10, 22)]) {
    const { broadcasts } = deriveBroadcasts(event.event, now, publishedLegacyTimeline);
    for (const { detail } of broadcasts) {
      const written = JSON.stringify(detail);
      must(JSON.stringify(parseJson(written)) === written, 'what is published can be read again');
      must(/^msg_[\w-]+$/.test(detail.id), () => `the id is ${detail.id}`);
    }
    const ids = broadcasts.map(({ detail }) => detail.id);
    must(new Set(ids).size === ids.length, 'two broadcasts of one event have the same id');
    const again = deriveBroadcasts(event.event, now + 1000, publishedLegacyTimeline).broadcasts.map(
      ({ detail }) => detail.id,
    );
    must(ids.join() === again.join(), 'the ids depend on the time');
  }
  must(canonicalJson(eventData) === canonicalJson(parseJson(JSON.stringify(eventData))), 'the canonical text changes');
}

/** `parseJson` against `JSON.parse` and against the text itself. */
function checkJson(whole: string): void {
  const value = parseJson(whole);
  const written = JSON.stringify(value);
  // JSON.parse of Node 24 itself may read an escaped key wrongly (see lambdas/json/json.ts).
  if (!escapedKey.test(whole)) {
    const plain = JSON.stringify(JSON.parse(whole));
    must(JSON.stringify(JSON.parse(written)) === plain, 'parseJson reads another value than JSON.parse');
  }
  must(JSON.stringify(parseJson(written)) === written, 'what was written is read otherwise');
  must(
    nestingDepth(written) === depthOf(value),
    () => `nestingDepth says ${nestingDepth(written)} of ${depthOf(value)}`,
  );
  // A key that comes twice drops the first value, and so its digits.
  if (keyCount(value) === keyTokens(whole)) {
    const before = numbersOf(whole).sort().join();
    const after = numbersOf(written).sort().join();
    must(before === after, () => `the numbers ${before} became ${after}`);
  }
}

function plainly(posted: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(posted) as unknown };
  } catch {
    return undefined;
  }
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const escapedKey = /[{,]\s*"[^"\\]*\\/;
const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

function numbersOf(json: string): string[] {
  return [...json.matchAll(tokens)].map(([token]) => token).filter((token) => !token.startsWith('"'));
}

function keyTokens(json: string): number {
  return [...json.matchAll(/"(?:[^"\\]|\\.)*"\s*(:)?/g)].filter(([, colon]) => colon !== undefined).length;
}

function keyCount(value: JsonValue): number {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + keyCount(item), 0);
  return Object.values(value).reduce<number>((sum, item) => sum + 1 + keyCount(item as JsonValue), 0);
}

function depthOf(value: JsonValue): number {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return 0;
  const items = Array.isArray(value) ? value : Object.values(value);
  return 1 + items.reduce<number>((deepest, item) => Math.max(deepest, depthOf(item as JsonValue)), 0);
}
