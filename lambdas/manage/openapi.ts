import * as z from 'zod/mini';
import { type ApiHeader, type ApiOperation, type ApiQueryParameter, apiRoutes } from '../contracts/api-routes.ts';
import { idPattern } from '../domain/events/drift-event.ts';
import { changeSchema, createSchema } from '../domain/subscriptions/subscription-fields.ts';
import { subscriptionIdPattern } from '../domain/subscriptions/subscription-id.ts';
import { cursorPattern } from '../http/page-cursor.ts';
import { problemContentType } from '../http/problem.ts';
import {
  conversationSchema,
  createdSubscriptionSchema,
  deliveryDetailSchema,
  deliveryListSchema,
  eventListSchema,
  eventSchema,
  eventTypeListSchema,
  filterResultSchema,
  orgSettingsSchema,
  problemSchema,
  replayListSchema,
  replayPlanSchema,
  replayResultSchema,
  resentDeliverySchema,
  resentEventSchema,
  rotatedSubscriptionSchema,
  subscriptionListSchema,
  subscriptionMetricsSchema,
  subscriptionSchema,
  testResultSchema,
} from './answer-schemas.ts';
import { deliveryStates } from './delivery-list.ts';
import { describedWebhooks } from './openapi-webhooks.ts';
import { defaultPageSize, maxPageSize } from './request.ts';
import {
  emptySchema,
  filterTestSchema,
  replaySchema,
  resendSchema,
  rotationSchema,
  settingsSchema,
  testSchema,
} from './request-schemas.ts';

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
  ResendRequest: resendSchema,
  Nothing: emptySchema,
} as const;
const answers = {
  Problem: problemSchema,
  Subscription: subscriptionSchema,
  SubscriptionWithSecret: createdSubscriptionSchema,
  SubscriptionWithNewSecret: rotatedSubscriptionSchema,
  SubscriptionList: subscriptionListSchema,
  DeliveryList: deliveryListSchema,
  TestResult: testResultSchema,
  ReplayList: replayListSchema,
  ReplayResult: replayResultSchema,
  ReplayPlan: replayPlanSchema,
  SubscriptionMetrics: subscriptionMetricsSchema,
  OrgSettings: orgSettingsSchema,
  EventTypeList: eventTypeListSchema,
  FilterResult: filterResultSchema,
  EventList: eventListSchema,
  Event: eventSchema,
  Conversation: conversationSchema,
  DeliveryDetail: deliveryDetailSchema,
  ResentDelivery: resentDeliverySchema,
  ResentEvent: resentEventSchema,
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
  415: 'The body is compressed; send it as it is.',
  429: 'Too many at once.',
  500: 'A fault of this system; it is safe to send the request again.',
  503: 'Something behind the API does not answer; try again.',
};

interface OperationDescription {
  readonly summary: string;
  readonly body?: { readonly schema: keyof typeof requests; readonly required: boolean };
  readonly answers: Readonly<Record<number, Json>>;
  /** Statuses of refusals, beside those that follow from the route and from what is above. */
  readonly problems?: readonly number[];
}

const etagHeader = { description: 'For if-match.', schema: { type: 'string' } };

function answer(description: string, name: keyof typeof answers, headers?: Json): Json {
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: { 'application/json': { schema: reference(name) } },
  };
}

const pathParameters: Readonly<Record<string, Json>> = {
  id: { type: 'string', pattern: subscriptionIdPattern.source },
  orgId: { type: 'string', pattern: idPattern.source },
  conversationId: { type: 'string', pattern: idPattern.source },
  webhookId: { type: 'string', pattern: '^[!-~]{1,200}$' },
};

const queryParameters: Readonly<Record<ApiQueryParameter, Json>> = {
  limit: { schema: { type: 'integer', minimum: 1, maximum: maxPageSize, default: defaultPageSize } },
  cursor: {
    description: 'The `nextCursor` of the page before.',
    schema: { type: 'string', minLength: 1, pattern: cursorPattern.source },
  },
  from: {
    description:
      'By the time at which the event was recorded; in a list of what is undelivered, of the first failure. Left out: as far back as it is kept.',
    schema: { type: 'string', format: 'date-time' },
  },
  to: { description: 'Left out: now.', schema: { type: 'string', format: 'date-time' } },
  type: { schema: { type: 'string' } },
  orgId: { schema: { type: 'string', pattern: idPattern.source } },
  conversationId: { schema: { type: 'string', pattern: idPattern.source } },
  state: {
    description: '`undelivered`: retrying, exhausted or discarded, newest failure first.',
    schema: { type: 'string', enum: deliveryStates },
  },
  eventType: { schema: { type: 'string' } },
  status: {
    description: 'Of the last answer: `503`, or `5xx` for a class of them.',
    schema: { type: 'string', pattern: '^[1-5](\\d\\d|xx)$' },
  },
  includeDelivered: {
    description: 'Whether what was delivered is to be sent again, too.',
    schema: { type: 'string', enum: ['true', 'false'], default: 'false' },
  },
  periodSeconds: {
    description:
      'A multiple of 60; of 300 where the time begins over 15 days ago, and of 3,600 over 63. Left out: as fits.',
    schema: { type: 'integer', minimum: 60, maximum: 86_400 },
  },
  replayName: {
    description: "Only deliveries of this replay, one of the subscription's; another is a 404.",
    schema: { type: 'string' },
  },
};

/** And the statuses of refusals that come with each. */
const headerParameters: Readonly<
  Record<ApiHeader, { readonly described: Json; readonly statuses: readonly number[] }>
> = {
  'if-match': {
    described: {
      description: 'The etag that was read. The request is refused with 412 if the subscription was changed since.',
      schema: { type: 'string' },
    },
    statuses: [409, 412],
  },
  'idempotency-key': {
    described: {
      description:
        'For 24 hours the same key and body give the first answer again and change nothing, and wait for it where the first request is still being carried out (409 with retry-after after 20 s); with another body it is refused with 409.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
    statuses: [409],
  },
};

const operations: Readonly<Record<ApiOperation, OperationDescription>> = {
  createSubscription: {
    summary: 'Subscribe. Events flow once `provisioning` is `ready`.',
    body: { schema: 'NewSubscription', required: true },
    answers: {
      201: answer('The subscription, and its secret, shown this once.', 'SubscriptionWithSecret', {
        etag: etagHeader,
        location: { description: 'Its path.', schema: { type: 'string' } },
      }),
    },
  },
  listSubscriptions: {
    summary: 'All subscriptions, in no particular order.',
    answers: { 200: answer('A page.', 'SubscriptionList') },
  },
  showSubscription: {
    summary: 'One subscription.',
    answers: { 200: answer('The subscription.', 'Subscription', { etag: etagHeader }) },
  },
  changeSubscription: {
    summary:
      'Change fields: one that is given replaces the whole field, null removes it. Status active also takes back whatever the system has decided: disabled, an open circuit, a rest, next attempts that are hours away.',
    body: { schema: 'SubscriptionChange', required: true },
    answers: { 200: answer('The subscription.', 'Subscription', { etag: etagHeader }) },
  },
  deleteSubscription: {
    summary: 'Unsubscribe. Events that wait in its queue are lost.',
    answers: { 204: { description: 'It is gone.' } },
  },
  rotateSecret: {
    summary: 'Make a new secret. The earlier ones keep signing until the overlap ends.',
    body: { schema: 'SecretRotation', required: false },
    answers: {
      200: answer('The subscription, and its new secret, shown this once.', 'SubscriptionWithNewSecret', {
        etag: etagHeader,
      }),
    },
  },
  testSubscription: {
    summary:
      'Send a test through the real path, to this subscription alone, and say what the subscriber answered: a webhook_test event, or the example of a type. The header webhook-test says that it is one.',
    body: { schema: 'TestRequest', required: false },
    answers: {
      200: answer('The result of the first attempt.', 'TestResult'),
      202: answer('Sent; the subscriber has not answered within the time to wait.', 'TestResult'),
    },
    problems: [409, 503],
  },
  listDeliveries: {
    summary:
      'Its deliveries, newest first by the event history, with what waits for a first attempt. A page reads a bounded amount and says how far it has looked. Without a history, and of one replay, they come in no order.',
    answers: { 200: answer('A page.', 'DeliveryList') },
    problems: [409],
  },
  showDelivery: {
    summary: 'One delivery: what is sent, each attempt, what comes next.',
    answers: { 200: answer('The delivery.', 'DeliveryDetail') },
  },
  resendDelivery: {
    summary: 'Send it now, whatever its state, under the same webhook-id.',
    body: { schema: 'Nothing', required: false },
    answers: { 202: answer("It is in the subscriber's queue.", 'ResentDelivery') },
    problems: [409],
  },
  listEvents: {
    summary: 'The event history, newest first. A page reads a bounded amount and says how far it has looked.',
    answers: { 200: answer('A page.', 'EventList') },
    problems: [409],
  },
  showEvent: {
    summary: 'One event, and what became of it at every subscription, and why.',
    answers: { 200: answer('The event.', 'Event') },
    problems: [404, 409],
  },
  resendEvent: {
    summary: 'Send one event to several subscribers, now and whatever became of it before.',
    body: { schema: 'ResendRequest', required: false },
    answers: { 202: answer('To whom it was sent, and to whom not.', 'ResentEvent') },
    problems: [404, 409],
  },
  showConversation: {
    summary: 'One conversation: its inactivity timer, and its events newest first with their outcomes counted.',
    answers: { 200: answer('The conversation.', 'Conversation') },
    problems: [404, 409],
  },
  replay: {
    summary: 'Deliver again: one event, what is exhausted or discarded, or what was missed; or cancel a replay.',
    body: { schema: 'ReplayRequest', required: true },
    answers: { 202: answer('Under way.', 'ReplayResult') },
    problems: [409, 429],
  },
  planReplay: {
    summary: 'How many events a replay of what was missed would send, by the event history; it sends nothing.',
    answers: { 200: answer('Counted; where it stopped early, `isAtLeast`.', 'ReplayPlan') },
    problems: [409],
  },
  showSubscriptionMetrics: {
    summary:
      'Figures of its deliveries by period, from CloudWatch; by itself of the last three hours. They come some minutes late.',
    answers: { 200: answer('The periods, the oldest first.', 'SubscriptionMetrics') },
    problems: [429],
  },
  listReplays: {
    summary: 'Its replays from the archive, and their progress.',
    answers: { 200: answer('All that EventBridge remembers (90 days).', 'ReplayList') },
  },
  showOrgSettings: {
    summary: "An organisation's settings, or the defaults.",
    answers: { 200: answer('The settings.', 'OrgSettings') },
  },
  setOrgSettings: {
    summary: "Set an organisation's quiet period.",
    body: { schema: 'OrgSettingsChange', required: true },
    answers: { 200: answer('The settings.', 'OrgSettings') },
  },
  listEventTypes: {
    summary: 'The event types that a subscription can ask for.',
    answers: { 200: answer('All types that are known. Others pass through as well.', 'EventTypeList') },
  },
  testFilter: {
    summary: 'Whether a filter matches an event, and why not.',
    body: { schema: 'FilterTest', required: true },
    answers: { 200: answer('Whether it matches.', 'FilterResult') },
  },
  openApi: {
    summary: 'This document.',
    answers: {
      200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
  },
};

function described(route: (typeof apiRoutes)[number]): Json {
  const { summary, body, answers: ofSuccess, problems: more = [] }: OperationDescription = operations[route.operation];
  const headers: readonly ApiHeader[] = 'headers' in route ? route.headers : [];
  const statuses = new Set([
    400,
    ...(route.path.includes('{id}') ? [404] : []),
    ...headers.flatMap((name) => headerParameters[name].statuses),
    ...(body === undefined ? [] : [413, 415]),
    ...more,
    500,
  ]);
  const parameters = [
    ...('query' in route ? route.query.map((name) => ({ name, in: 'query', ...queryParameters[name] })) : []),
    ...headers.map((name) => ({ name, in: 'header', ...headerParameters[name].described })),
  ];
  return {
    operationId: route.operation,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: { required: body.required, content: { 'application/json': { schema: reference(body.schema) } } },
        }),
    responses: {
      ...ofSuccess,
      ...Object.fromEntries(
        [...statuses].map((status) => [
          status,
          { description: problems[status], content: { [problemContentType]: { schema: reference('Problem') } } },
        ]),
      ),
    },
  };
}

function describedPaths(): Json {
  const paths: Record<string, Json> = {};
  for (const route of apiRoutes) {
    const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    const parameters = names.map((name) => ({ name, in: 'path', required: true, schema: pathParameters[name] }));
    paths[route.path] = {
      ...(parameters.length === 0 ? {} : { parameters }),
      ...paths[route.path],
      [route.method.toLowerCase()]: described(route),
    };
  }
  return paths;
}

/** The API, described. `isSigned`: whether this server takes signed requests only; the local run takes any. */
export function openApiDocument({ isSigned }: { readonly isSigned: boolean }): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Drift webhook fan-out',
      version: '1.0.0',
      description:
        'Subscriptions to Drift events. Deployed, requests are signed with AWS Signature Version 4 (execute-api). A method that a path does not have is answered with 405 and the header allow. The headers idempotency-key and if-match are a 400 where an operation does not take them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: isSigned ? [{ sigv4: [] }] : [],
    paths: describedPaths(),
    webhooks: describedWebhooks(),
    components: {
      ...(isSigned
        ? {
            securitySchemes: {
              sigv4: {
                type: 'apiKey',
                in: 'header',
                name: 'authorization',
                description: 'AWS Signature Version 4, service execute-api.',
              },
            },
          }
        : {}),
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
