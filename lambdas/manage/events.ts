import type { LegacyTimeline } from '../domain/events/legacy-timeline.ts';
import { subscribableEvents } from '../domain/subscriptions/event-catalogue.ts';
import { filterErrors } from '../domain/subscriptions/subscription-item.ts';
import { explain, matches, parseEventPattern } from '../event-pattern/event-pattern.ts';
import type { JsonObject, JsonValue } from '../json/json.ts';
import type { Clock } from '../ports/clock.ts';
import { type ApiAnswer, invalidFields, jsonAnswer, type RoutedRequest, readJsonBody } from './request.ts';
import { filterTestSchema } from './request-schemas.ts';
import type { Operations } from './router.ts';

export interface EventDeps {
  readonly timeline: LegacyTimeline;
  readonly clock: Clock;
}

export function eventOperations({ timeline, clock }: EventDeps): Pick<Operations, 'listEventTypes' | 'testFilter'> {
  return {
    listEventTypes: async () => jsonAnswer(200, { eventTypes: subscribableEvents(clock(), timeline) }),
    testFilter,
  };
}

/** So many take a quarter of a second of a processor; an ordinary test takes a few hundred. */
const maxComparisons = 1_000_000;

function countValues(value: JsonValue): number {
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return 1;
  return Object.values(value).reduce<number>((sum, each) => sum + countValues(each), 0);
}

async function testFilter(request: RoutedRequest): Promise<ApiAnswer> {
  const body = readJsonBody(request, filterTestSchema);
  if (body.kind === 'refused') return body.answer;
  const filter = body.value.filter as JsonObject;
  const errors = filterErrors(filter);
  if (errors.length > 0) return invalidFields(errors);
  // As in the rule: the filter stands below `data`, and so do the fields that it names.
  const parsed = parseEventPattern({ data: filter });
  if (parsed.kind === 'invalid') return invalidFields([{ field: 'filter', detail: parsed.reason }]);
  const event = { data: body.value.event.data as JsonObject };
  // Each combination of `$or` looks at each value.
  const combinations = parsed.pattern.branches.length;
  if (combinations * countValues(event) > maxComparisons) {
    const detail = `has too many values for a filter of ${combinations} combinations of $or: test it with a smaller event`;
    return invalidFields([{ field: 'event.data', detail }]);
  }
  const isMatch = matches(parsed.pattern, event);
  return jsonAnswer(200, {
    matches: isMatch,
    mismatches: isMatch
      ? []
      : explain(parsed.pattern, event).map(({ path, reason, alternative }) => ({
          field: path,
          reason,
          ...(alternative === undefined ? {} : { alternative }),
        })),
  });
}
