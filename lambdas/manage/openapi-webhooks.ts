import { exampleOf, schemaOf } from '../domain/events/event-examples.ts';
import { eventRows, operationalEventDescriptions } from '../domain/events/event-types.ts';

const headers = [
  ['webhook-id', true, 'The id of the fact: the same for every attempt, replay and repetition.'],
  ['webhook-timestamp', true, "The attempt's time, epoch seconds."],
  ['webhook-signature', true, 'Standard Webhooks: over id.timestamp.body, one for each secret in force.'],
  ['webhook-test', false, 'true: a test that somebody asked for.'],
] as const;

const parameters = headers.map(([name, required, description]) => ({
  name,
  in: 'header',
  required,
  description,
  schema: { type: 'string' },
}));

/** What subscribers get, as OpenAPI's `webhooks`: a receiver can make its types of it. */
export function describedWebhooks(): Record<string, unknown> {
  const descriptions = {
    ...Object.fromEntries(Object.entries(eventRows).map(([type, { description }]) => [type, description])),
    ...operationalEventDescriptions,
  };
  return Object.fromEntries(
    Object.entries(descriptions).map(([type, summary]) => {
      const { $schema: _, ...schema } = schemaOf(type) ?? {};
      const content = { 'application/json': { schema, example: exampleOf(type) } };
      const responses = {
        '2XX': { description: 'Delivered.' },
        default: { description: 'Tried again later, up to 16 times; 410 disables the subscription.' },
      };
      const post = { summary, security: [], parameters, requestBody: { required: true, content }, responses };
      return [type, { post }];
    }),
  );
}
