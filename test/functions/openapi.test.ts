import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { apiRoutes } from '../../lambdas/contracts/api-routes.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import { subscribableEvents } from '../../lambdas/domain/subscriptions/event-catalogue.ts';
import { openApiDocument } from '../../lambdas/manage/openapi.ts';
import { answerCheck, type OpenApiDocument } from './answer-check.ts';

const document = JSON.parse(JSON.stringify(openApiDocument({ isSigned: true }))) as OpenApiDocument & {
  openapi: string;
};

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1 to a public validator', async () => {
    const result = await new Validator().validate(structuredClone<Record<string, unknown>>({ ...document }));
    expect(result).toMatchObject({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  it('describes each route of the table, with its query parameters, and no other', () => {
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([key]) => key !== 'parameters')
        .map(([method, operation]) => {
          const { operationId, parameters = [] } = operation as {
            operationId: string;
            parameters?: { name: string; in: string }[];
          };
          const query = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
          return [operationId, method.toUpperCase(), path, query];
        }),
    );
    const routes = apiRoutes.map((route) => [
      route.operation,
      route.method,
      route.path,
      'query' in route ? route.query : [],
    ]);
    expect(described.sort()).toEqual(routes.sort());
  });

  it('describes what a subscriber gets, for each type that it can ask for', () => {
    const { webhooks } = document as unknown as {
      webhooks: Record<
        string,
        { post: { requestBody: { content: Record<string, { schema: object; example: object }> } } }
      >;
    };
    const catalogue = subscribableEvents(0, publishedLegacyTimeline);
    expect(Object.keys(webhooks)).toEqual(catalogue.map(({ type }) => type));
    const ajv = new Ajv2020({ strict: true });
    for (const [type, { post }] of Object.entries(webhooks)) {
      const { schema, example } = post.requestBody.content['application/json'] ?? { schema: {}, example: {} };
      expect([type, ajv.validate(schema, example)]).toEqual([type, true]);
      expect(example).toMatchObject({ type });
    }
  });

  it('asks for the signature that this server asks for', () => {
    expect(document).toMatchObject({ security: [{ sigv4: [] }] });
    const ofLocalRun = openApiDocument({ isSigned: false });
    expect(ofLocalRun.security).toEqual([]);
  });

  it('resolves all of its references', () => {
    const text = JSON.stringify(document);
    const schemas = document.components.schemas as Record<string, unknown>;
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) expect(schemas).toHaveProperty(name);
  });

  it('takes what subscriptions may hold, and says their limits', () => {
    const { NewSubscription } = document.components.schemas as Record<string, { properties: Record<string, unknown> }>;
    expect(NewSubscription?.properties).toMatchObject({
      eventTypes: { minItems: 1, maxItems: 50 },
      orgIds: { maxItems: 50 },
      maxConcurrency: { minimum: 2, maximum: 1000 },
      maxBatchingWindowSeconds: { minimum: 0, maximum: 60 },
      url: { pattern: '^https?://' },
      filter: { type: 'object', minProperties: 1 },
      headers: { type: 'object', maxProperties: 20, propertyNames: { pattern: expect.any(String) } },
    });
  });
});

it.each([...new Set(apiRoutes.map(({ path }) => path))])('docs/subscriptions.md names %s', (path) => {
  const docs = readFileSync(new URL('../../docs/subscriptions.md', import.meta.url), 'utf8');
  expect(docs).toContain(path.replace('/v1/subscriptions/{id}', '…/{id}'));
});

it('the document says of replays that exactly one kind is asked for, in instants of UTC', () => {
  const { ReplayRequest } = document.components.schemas as Record<string, object>;
  expect(ReplayRequest).toMatchObject({
    oneOf: ['webhookId', 'failed', 'missed', 'cancel'].map((name) => ({ required: [name] })),
    dependentSchemas: { cursor: { anyOf: [{ required: ['failed'] }, { required: ['missed'] }] } },
    properties: { failed: { properties: { from: { format: 'date-time', pattern: 'Z$' } } } },
  });
});

it('the document says that a body may be too large or compressed, wherever there is one', () => {
  const operations = Object.values(document.paths).flatMap(({ parameters: _, ...methods }) =>
    Object.values(methods),
  ) as {
    requestBody?: unknown;
    responses: Record<string, unknown>;
  }[];
  for (const { requestBody, responses } of operations) {
    expect(responses).toHaveProperty('400');
    expect('413' in responses).toBe(requestBody !== undefined);
    expect('415' in responses).toBe(requestBody !== undefined);
  }
});

describe('a check of an answer', () => {
  const check = answerCheck(document);
  const problem = { type: 'about:blank', title: 'Not Found', status: 404 };
  const seen = { method: 'GET', path: '/v1/subscriptions/sub_1', contentType: 'application/problem+json' };

  it('passes what is promised and finds what is not', () => {
    expect(check({ ...seen, status: 404, body: problem })).toBeUndefined();
    expect(check({ ...seen, status: 418, body: problem })).toContain('does not promise status 418');
    expect(check({ ...seen, status: 404, contentType: 'text/html', body: problem })).toContain('text/html');
    expect(check({ ...seen, status: 404, body: { title: 5 } })).toContain('must');
  });
});
