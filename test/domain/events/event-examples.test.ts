import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { aMessageToDeliver, noon } from '../../../lab/support/deliveries.ts';
import { broadcastsOf, instantIn } from '../../../lab/support/drift-events.ts';
import {
  deliveryEnded,
  deliveryRecovered,
  subscriptionDisabled,
  subscriptionFailing,
} from '../../../lambdas/domain/deliveries/operational-event.ts';
import { ownTime } from '../../../lambdas/domain/events/drift-event.ts';
import { readDriftEvent } from '../../../lambdas/domain/events/drift-post.ts';
import { exampleOf, schemaOf } from '../../../lambdas/domain/events/event-examples.ts';
import { eventRow, eventRows } from '../../../lambdas/domain/events/event-types.ts';
import { publishedLegacyTimeline } from '../../../lambdas/domain/events/legacy-timeline.ts';
import { subscribableEvents } from '../../../lambdas/domain/subscriptions/event-catalogue.ts';

const catalogue = subscribableEvents(instantIn.removed, publishedLegacyTimeline);
const ajv = new Ajv2020({ strict: true, allErrors: true });

function faultOf(type: string, body: unknown): string | undefined {
  const validate = ajv.compile(schemaOf(type) ?? false);
  return validate(body) ? undefined : ajv.errorsText(validate.errors);
}

describe('the example of an event type', () => {
  it.each(catalogue.map(({ type }) => type))('%s is as its schema says, which takes no other type', (type) => {
    const example = exampleOf(type);
    expect(faultOf(type, example)).toBeUndefined();
    expect(faultOf(type, { ...example, type: 'other' })).toBeDefined();
    expect(faultOf(type, { ...example, data: [] })).toBeDefined();
  });

  it('shows no field that its schema does not know', () => {
    const without = catalogue.flatMap(({ type, schema }) => {
      const { data } = schema.properties as { data: { properties: Record<string, unknown> } };
      const known = Object.keys(data.properties);
      const shown = Object.keys(exampleOf(type)?.data ?? {});
      return shown.every((name) => known.includes(name)) && (known.length === 0 || shown.length > 0) ? [] : [type];
    });
    expect(without).toEqual([]);
  });

  it.each(Object.keys(eventRows))('%s is taken when Drift posts it, with the time that its type has', (type) => {
    const read = readDriftEvent({ ...exampleOf(type) } as Parameters<typeof readDriftEvent>[0]);
    if (read.kind === 'invalid') throw new Error(read.reason);
    const { timeField } = eventRow(type) ?? { timeField: null };
    expect(ownTime(read.event) === undefined).toBe(timeField === null);
    // A push goes out with its causes only, and the legacy event not any more.
    const isPassedOn = type !== 'conversation_push' && type !== 'conversation_status_updated';
    const sent = broadcastsOf(read.event).map(({ detail: { orgId, data } }) => ({ orgId, type, data }));
    expect(isPassedOn ? sent[0] : exampleOf(type)).toEqual(exampleOf(type));
    for (const { detail } of broadcastsOf(read.event, instantIn.mirroring)) {
      const { orgId, type: sentType, data } = detail;
      expect(faultOf(sentType, { orgId, type: sentType, data })).toBeUndefined();
    }
  });

  it('of an event about deliveries is in the shape in which those are made', () => {
    const record = { state: 'exhausted', attempts: 16, reason: 'all 16 attempts failed' } as const;
    const made = [
      ...([1, 2, 3, 4] as const).map((notice) => subscriptionFailing('sub_1', notice, noon, noon + 1, noon)),
      subscriptionDisabled('sub_1', 'gone', noon, noon),
      deliveryRecovered('sub_1', noon, noon),
      deliveryEnded('sub_1', aMessageToDeliver(), record, noon),
      deliveryEnded('sub_1', aMessageToDeliver(), { ...record, state: 'discarded' }, noon),
    ];
    for (const { detail } of made) {
      const { orgId, type, data } = JSON.parse(JSON.stringify(detail));
      expect(faultOf(type, { orgId, type, data })).toBeUndefined();
      expect(Object.keys(exampleOf(type)?.data ?? {})).toEqual(Object.keys(data));
    }
  });
});
