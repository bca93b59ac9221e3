import * as z from 'zod/mini';
import { changeSchema, createSchema } from '../domain/subscriptions/subscription-item.ts';
import { problemContentType } from '../http/problem.ts';
import {
  createdSubscriptionSchema,
  deliveryListSchema,
  eventTypeListSchema,
  filterResultSchema,
  orgSettingsSchema,
  problemSchema,
  replayListSchema,
  replayResultSchema,
  subscriptionListSchema,
  subscriptionSchema,
  testResultSchema,
} from './answer-schemas.ts';
import { deliveryStates } from './deliveries.ts';
import { filterTestSchema, replaySchema, rotationSchema, settingsSchema, testSchema } from './request-schemas.ts';

type Json = Record<string, unknown>;

/** What is sent, as it is before defaults are filled in; and what is answered. One schema validates and documents. */
const requests = {
  NewSubscription: createSchema,
  SubscriptionChange: changeSchema,
  SecretRotation: rotationSchema,
  TestRequest: testSchema,
  ReplayRequest: replaySchema,
  OrgSettingsChange: settingsSchema,
  FilterTest: filterTestSchema,
} as const;
const answers = {
  Problem: problemSchema,
  Subscription: subscriptionSchema,
  SubscriptionWithSecret: createdSubscriptionSchema,
  SubscriptionList: subscriptionListSchema,
  DeliveryList: deliveryListSchema,
  TestResult: testResultSchema,
  ReplayList: replayListSchema,
  ReplayResult: replayResultSchema,
  OrgSettings: orgSettingsSchema,
  EventTypeList: eventTypeListSchema,
  FilterResult: filterResultSchema,
} as const;

const reference = (name: keyof typeof requests | keyof typeof answers): Json => ({
  $ref: `#/components/schemas/${name}`,
});

const problems: Readonly<Record<number, string>> = {
  400: 'Something in the request is wrong; `errors` names the fields.',
  404: 'There is no such thing.',
  409: 'Not possible in its present state.',
  412: 'It was changed since it was read.',
  413: 'The body is too large.',
  429: 'Too many at once.',
  500: 'A fault of ours; it is safe to try again.',
  503: 'Something behind the API does not answer; try again.',
};

/** Any operation can meet a fault of ours. */
function problemAnswers(statuses: readonly number[] = []): Json {
  return Object.fromEntries(
    [...statuses, 500].map((status) => [
      status,
      { description: problems[status], content: { [problemContentType]: { schema: reference('Problem') } } },
    ]),
  );
}

const etagHeader = { description: 'For if-match.', schema: { type: 'string' } };

function answer(description: string, name: keyof typeof answers, headers?: Json): Json {
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: { 'application/json': { schema: reference(name) } },
  };
}

function body(name: keyof typeof requests, required = true): Json {
  return { required, content: { 'application/json': { schema: reference(name) } } };
}

const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
const orgIdParameter = {
  name: 'orgId',
  in: 'path',
  required: true,
  schema: { type: 'string', pattern: '^\\d{1,19}$' },
};
const ifMatchParameter = {
  name: 'if-match',
  in: 'header',
  description: 'The etag that was read: refused with 412 when it was changed since.',
  schema: { type: 'string' },
};
const pageParameters = [
  { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 } },
  { name: 'cursor', in: 'query', description: 'The `nextCursor` of the page before.', schema: { type: 'string' } },
];

const paths = {
  '/v1/subscriptions': {
    post: {
      operationId: 'createSubscription',
      summary: 'Subscribe. Events flow once `provisioning` is `ready`.',
      requestBody: body('NewSubscription'),
      responses: {
        201: answer('The subscription, and its secret, shown this once.', 'SubscriptionWithSecret', {
          etag: etagHeader,
          location: { description: 'Its path.', schema: { type: 'string' } },
        }),
        ...problemAnswers([400, 413]),
      },
    },
    get: {
      operationId: 'listSubscriptions',
      summary: 'All subscriptions, in no order that means anything.',
      parameters: pageParameters,
      responses: { 200: answer('A page.', 'SubscriptionList'), ...problemAnswers([400]) },
    },
  },
  '/v1/subscriptions/{id}': {
    parameters: [idParameter],
    get: {
      operationId: 'showSubscription',
      summary: 'One subscription.',
      responses: { 200: answer('The subscription.', 'Subscription', { etag: etagHeader }), ...problemAnswers([404]) },
    },
    patch: {
      operationId: 'changeSubscription',
      summary:
        'Change fields: one that is given replaces the whole field, null removes it. Status active also enables a disabled one.',
      parameters: [ifMatchParameter],
      requestBody: body('SubscriptionChange'),
      responses: {
        200: answer('The subscription.', 'Subscription', { etag: etagHeader }),
        ...problemAnswers([400, 404, 409, 412, 413]),
      },
    },
    delete: {
      operationId: 'deleteSubscription',
      summary: 'Unsubscribe. What waits in its queue is dropped.',
      parameters: [ifMatchParameter],
      responses: { 204: { description: 'It is gone.' }, ...problemAnswers([404, 409, 412]) },
    },
  },
  '/v1/subscriptions/{id}/rotate-secret': {
    parameters: [idParameter],
    post: {
      operationId: 'rotateSecret',
      summary: 'A new secret; the ones before sign on, beside it, until the overlap ends.',
      parameters: [ifMatchParameter],
      requestBody: body('SecretRotation', false),
      responses: {
        200: answer('The subscription, and its new secret, shown this once.', 'SubscriptionWithSecret', {
          etag: etagHeader,
        }),
        ...problemAnswers([400, 404, 409, 412]),
      },
    },
  },
  '/v1/subscriptions/{id}/test': {
    parameters: [idParameter],
    post: {
      operationId: 'testSubscription',
      summary: 'Send a webhook_test event through the real path, and say what the subscriber answered.',
      requestBody: body('TestRequest', false),
      responses: {
        200: answer('What came of the first attempt.', 'TestResult'),
        202: answer('Sent; the subscriber has not answered within the time to wait.', 'TestResult'),
        ...problemAnswers([400, 404, 409, 503]),
      },
    },
  },
  '/v1/subscriptions/{id}/deliveries': {
    parameters: [idParameter],
    get: {
      operationId: 'listDeliveries',
      summary: 'What became of its events. Undelivered ones come newest first.',
      parameters: [
        {
          name: 'state',
          in: 'query',
          description: '`undelivered`: all but delivered.',
          schema: { type: 'string', enum: deliveryStates },
        },
        { name: 'replayName', in: 'query', schema: { type: 'string' } },
        ...pageParameters,
      ],
      responses: { 200: answer('A page.', 'DeliveryList'), ...problemAnswers([400, 404]) },
    },
  },
  '/v1/subscriptions/{id}/replay': {
    parameters: [idParameter],
    post: {
      operationId: 'replay',
      summary: 'Deliver again: one event, what was given up, or what was missed; or call a replay off.',
      requestBody: body('ReplayRequest'),
      responses: { 202: answer('Under way.', 'ReplayResult'), ...problemAnswers([400, 404, 409, 429]) },
    },
    get: {
      operationId: 'listReplays',
      summary: 'Its replays from the archive, and how far they have come.',
      responses: { 200: answer('All that EventBridge remembers (90 days).', 'ReplayList'), ...problemAnswers([404]) },
    },
  },
  '/v1/orgs/{orgId}/settings': {
    parameters: [orgIdParameter],
    get: {
      operationId: 'showOrgSettings',
      summary: "An organisation's settings, or the defaults.",
      responses: { 200: answer('The settings.', 'OrgSettings'), ...problemAnswers([400]) },
    },
    put: {
      operationId: 'setOrgSettings',
      summary: "Set an organisation's quiet period.",
      requestBody: body('OrgSettingsChange'),
      responses: { 200: answer('The settings.', 'OrgSettings'), ...problemAnswers([400]) },
    },
  },
  '/v1/event-types': {
    get: {
      operationId: 'listEventTypes',
      summary: 'What can be subscribed to.',
      responses: {
        200: answer('All types that are known. Others pass through as well.', 'EventTypeList'),
        ...problemAnswers(),
      },
    },
  },
  '/v1/filters/test': {
    post: {
      operationId: 'testFilter',
      summary: 'Whether a filter matches an event, and why not.',
      requestBody: body('FilterTest'),
      responses: { 200: answer('The verdict.', 'FilterResult'), ...problemAnswers([400]) },
    },
  },
  '/v1/openapi.json': {
    get: {
      operationId: 'openApi',
      summary: 'This document.',
      responses: {
        200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
      },
    },
  },
};

/** The API, described. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drift webhook fan-out',
      version: '1.0.0',
      description:
        'Subscriptions to Drift events. Deployed, requests are signed with AWS Signature Version 4 (execute-api).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ sigv4: [] }],
    paths,
    components: {
      securitySchemes: {
        sigv4: {
          type: 'apiKey',
          in: 'header',
          name: 'authorization',
          description: 'AWS Signature Version 4, service execute-api. The local run takes any request.',
        },
      },
      schemas: {
        ...Object.fromEntries(Object.entries(requests).map(([name, schema]) => [name, jsonSchema(schema, 'input')])),
        ...Object.fromEntries(Object.entries(answers).map(([name, schema]) => [name, jsonSchema(schema, 'output')])),
      },
    },
  };
}

function jsonSchema(schema: z.ZodMiniType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
