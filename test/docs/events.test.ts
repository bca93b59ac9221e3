import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { anInactivity, aStatusUpdate, broadcastsOf, instantIn } from '../../lab/support/drift-events.ts';
import { exampleOf } from '../../lambdas/domain/events/event-examples.ts';
import { eventTypes, operationalEventTypes, testEventType } from '../../lambdas/domain/events/event-types.ts';
import { legacyPhases, publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';

const text = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8');
const sections = text.split(/^### /m).slice(1);
const headings = sections.map((section) => /^`([^`]+)`/.exec(section)?.[1]);
const sampleOf = (type: string): { orgId: unknown; type: string; data: unknown } | undefined => {
  const section = sections.find((candidate) => candidate.startsWith(`\`${type}\``)) ?? '';
  const json = /```json\n([^`]+)```/.exec(section)?.[1];
  return json === undefined ? undefined : JSON.parse(json);
};

describe('docs/events.md', () => {
  it('has a section for each event that the code knows, and for no other', () => {
    const known = [...Object.values(eventTypes), ...Object.values(operationalEventTypes), testEventType];
    expect([...headings].sort()).toEqual([...known].sort());
  });

  it.each(headings.filter((type) => type !== undefined && sampleOf(type) !== undefined))(
    'shows %s in the shape in which it is sent, and as the API shows it',
    (type) => {
      const sample = sampleOf(type ?? '');
      expect(Object.keys(sample ?? {})).toEqual(['orgId', 'type', 'data']);
      expect(sample?.type).toBe(type);
      expect(sample).toEqual(exampleOf(type ?? ''));
    },
  );

  it('shows each derived event exactly as it is derived', () => {
    const sent = [
      ...broadcastsOf(aStatusUpdate(), instantIn.mirroring),
      ...broadcastsOf(anInactivity(), instantIn.mirroring),
    ].map(({ detail: { orgId, type, data } }) => ({ orgId, type, data }));
    for (const type of [
      'conversation_manual_push',
      'conversation_inactive',
      'conversation_push',
      'conversation_status_updated',
    ]) {
      expect(sent).toContainEqual(sampleOf(type));
    }
  });

  it('names the phases of the legacy event and their dates', () => {
    const dates = Object.values(publishedLegacyTimeline).map((instant) => new Date(instant).toISOString().slice(0, 10));
    const [first, ...dated] = legacyPhases;
    expect(text).toContain(`| \`${first}\` | the beginning |`);
    for (const [index, phase] of dated.entries()) expect(text).toContain(`| \`${phase}\` | ${dates[index]} |`);
  });
});
