import type { JsonObject } from '../../json/json.ts';
import { type EventExample, exampleOf, schemaOf } from '../events/event-examples.ts';
import { eventRows, eventTypes, legacyReplacements, operationalEventDescriptions } from '../events/event-types.ts';
import {
  formatLegacyTimeline,
  type LegacyPhase,
  type LegacyTimeline,
  legacyPhaseAt,
} from '../events/legacy-timeline.ts';

export interface SubscribableEvent {
  readonly type: string;
  readonly origin: 'drift' | 'derived' | 'operational';
  readonly description: string;
  /** JSON Schema of the body that a subscriber gets. */
  readonly schema: JsonObject;
  readonly example: EventExample;
  readonly legacy?: {
    readonly phase: LegacyPhase;
    readonly openToNewSubscribers: boolean;
    readonly replacements: readonly string[];
    readonly timeline: Readonly<Record<string, string>>;
  };
}

/** What can be subscribed to, with what is left of the legacy event's time. `now` in epoch ms. */
export function subscribableEvents(now: number, timeline: LegacyTimeline): SubscribableEvent[] {
  const phase = legacyPhaseAt(now, timeline);
  const ofDrift = Object.entries(eventRows).map(
    ([type, { origin, description }]): SubscribableEvent => ({
      type,
      origin,
      description,
      ...shapeOf(type),
      ...(type === eventTypes.conversationStatusUpdated
        ? {
            legacy: {
              phase,
              openToNewSubscribers: phase === 'announced',
              replacements: legacyReplacements,
              timeline: formatLegacyTimeline(timeline),
            },
          }
        : {}),
    }),
  );
  const operational = Object.entries(operationalEventDescriptions).map(
    ([type, description]): SubscribableEvent => ({ type, origin: 'operational', description, ...shapeOf(type) }),
  );
  return [...ofDrift, ...operational];
}

function shapeOf(type: string): Pick<SubscribableEvent, 'schema' | 'example'> {
  const [schema, example] = [schemaOf(type), exampleOf(type)];
  if (schema === undefined || example === undefined) throw new Error(`${type} has no example`);
  return { schema, example };
}
