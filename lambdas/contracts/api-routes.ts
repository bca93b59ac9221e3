interface ApiRoute {
  /** OpenAPI's `operationId`: names the handler (manage/handler.ts) and the description (manage/openapi.ts). */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/v1/subscriptions/{id}`. */
  readonly path: `/v1/${string}`;
  /** The query parameters that it takes; any other is refused. */
  readonly query?: readonly string[];
  /** Which of the headers that change what a request does it takes; the other is refused. */
  readonly headers?: readonly ApiHeader[];
}

/**
 * `idempotency-key`: it is carried out once. `if-match`: it is refused if the subscription was changed since it was read
 * with this etag. Names in lower case.
 */
export const apiHeaders = ['idempotency-key', 'if-match'] as const;
export type ApiHeader = (typeof apiHeaders)[number];

/**
 * The routes of the management API. The router, the OpenAPI document and the API Gateway routes of the stack are made
 * from these rows. A row without a handler or without a description does not compile.
 */
export const apiRoutes = [
  { operation: 'createSubscription', method: 'POST', path: '/v1/subscriptions', headers: ['idempotency-key'] },
  { operation: 'listSubscriptions', method: 'GET', path: '/v1/subscriptions', query: ['limit', 'cursor'] },
  { operation: 'showSubscription', method: 'GET', path: '/v1/subscriptions/{id}' },
  { operation: 'changeSubscription', method: 'PATCH', path: '/v1/subscriptions/{id}', headers: ['if-match'] },
  { operation: 'deleteSubscription', method: 'DELETE', path: '/v1/subscriptions/{id}', headers: ['if-match'] },
  { operation: 'rotateSecret', method: 'POST', path: '/v1/subscriptions/{id}/rotate-secret', headers: ['if-match'] },
  { operation: 'testSubscription', method: 'POST', path: '/v1/subscriptions/{id}/test' },
  {
    operation: 'listDeliveries',
    method: 'GET',
    path: '/v1/subscriptions/{id}/deliveries',
    query: ['state', 'eventType', 'status', 'from', 'to', 'replayName', 'limit', 'cursor'],
  },
  { operation: 'showDelivery', method: 'GET', path: '/v1/subscriptions/{id}/deliveries/{webhookId}' },
  {
    operation: 'resendDelivery',
    method: 'POST',
    path: '/v1/subscriptions/{id}/deliveries/{webhookId}/resend',
    headers: ['idempotency-key'],
  },
  {
    operation: 'listEvents',
    method: 'GET',
    path: '/v1/events',
    query: ['from', 'to', 'type', 'orgId', 'conversationId', 'limit', 'cursor'],
  },
  { operation: 'showEvent', method: 'GET', path: '/v1/events/{webhookId}' },
  { operation: 'resendEvent', method: 'POST', path: '/v1/events/{webhookId}/resend', headers: ['idempotency-key'] },
  {
    operation: 'showConversation',
    method: 'GET',
    path: '/v1/conversations/{orgId}/{conversationId}',
    query: ['cursor'],
  },
  { operation: 'replay', method: 'POST', path: '/v1/subscriptions/{id}/replay', headers: ['idempotency-key'] },
  { operation: 'listReplays', method: 'GET', path: '/v1/subscriptions/{id}/replay' },
  {
    operation: 'planReplay',
    method: 'GET',
    path: '/v1/subscriptions/{id}/replay/plan',
    query: ['from', 'to', 'includeDelivered'],
  },
  {
    operation: 'showSubscriptionMetrics',
    method: 'GET',
    path: '/v1/subscriptions/{id}/metrics',
    query: ['from', 'to', 'periodSeconds'],
  },
  { operation: 'showOrgSettings', method: 'GET', path: '/v1/orgs/{orgId}/settings' },
  { operation: 'setOrgSettings', method: 'PUT', path: '/v1/orgs/{orgId}/settings' },
  { operation: 'listEventTypes', method: 'GET', path: '/v1/event-types' },
  { operation: 'testFilter', method: 'POST', path: '/v1/filters/test' },
  { operation: 'openApi', method: 'GET', path: '/v1/openapi.json' },
] as const satisfies readonly ApiRoute[];

export type ApiOperation = (typeof apiRoutes)[number]['operation'];
/** The query parameters of all routes. */
export type ApiQueryParameter = Extract<(typeof apiRoutes)[number], { query: unknown }>['query'][number];
