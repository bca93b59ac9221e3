import { describe, expect, it } from 'vitest';
import { rulePattern } from '../../../lambdas/domain/subscriptions/rule-pattern.ts';
import { matches, parseEventPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import { type JsonObject, type JsonValue, parseJson } from '../../../lambdas/json/json.ts';

function reaches(
  fields: { eventTypes: string[]; orgIds?: string[]; filter?: JsonObject },
  event: { source?: string; type: string; detail: JsonValue },
): boolean {
  const text = JSON.stringify(rulePattern({ subscriptionId: 'sub_1', ...fields }));
  const parsed = parseEventPattern(text);
  if (parsed.kind === 'invalid') throw new Error(`${parsed.path}: ${parsed.reason}`);
  return matches(parsed.pattern, { source: event.source ?? 'drift', 'detail-type': event.type, detail: event.detail });
}

describe("a subscriber's rule", () => {
  it('lets through the types that were asked for', () => {
    expect(reaches({ eventTypes: ['a', 'b'] }, { type: 'b', detail: {} })).toBe(true);
    expect(reaches({ eventTypes: ['a', 'b'] }, { type: 'c', detail: {} })).toBe(false);
  });

  it('lets through its organisations only, to the last digit', () => {
    const only = { eventTypes: ['a'], orgIds: ['9007199254740993'] };
    expect(reaches(only, { type: 'a', detail: parseJson('{"orgId":9007199254740993}') })).toBe(true);
    expect(reaches(only, { type: 'a', detail: parseJson('{"orgId":9007199254740992}') })).toBe(false);
  });

  it('lets through what its filter matches', () => {
    const only = { eventTypes: ['a'], filter: { status: ['closed'] } };
    expect(reaches(only, { type: 'a', detail: { data: { status: 'closed' } } })).toBe(true);
    expect(reaches(only, { type: 'a', detail: { data: { status: 'open' } } })).toBe(false);
  });

  it('lets operational events through whatever its filter and organisations say, and from this system only', () => {
    const asked = { eventTypes: ['a', 'webhook_delivery_exhausted'], orgIds: ['1'], filter: { x: [1] } };
    const type = 'webhook_delivery_exhausted';
    expect(reaches(asked, { source: 'webhook-fanout', type, detail: { orgId: null, data: {} } })).toBe(true);
    expect(reaches(asked, { source: 'drift', type, detail: { orgId: 1, data: { x: 1 } } })).toBe(false);
    expect(reaches({ eventTypes: ['a'] }, { source: 'webhook-fanout', type, detail: {} })).toBe(false);
  });

  it("lets its own tests through, and nobody else's", () => {
    const testOf = (subscriptionId: string) => ({
      source: 'webhook-fanout',
      type: 'webhook_test',
      detail: { data: { subscriptionId } },
    });
    expect(reaches({ eventTypes: ['a'], filter: { x: [1] } }, testOf('sub_1'))).toBe(true);
    expect(reaches({ eventTypes: ['a'] }, testOf('sub_2'))).toBe(false);
  });

  it('hears nothing of what is retired', () => {
    const retired = { source: 'drift.retired', type: 'conversation_status_updated', detail: {} };
    expect(reaches({ eventTypes: ['conversation_status_updated'] }, retired)).toBe(false);
  });
});
