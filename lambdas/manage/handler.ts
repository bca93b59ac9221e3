import middy from '@middy/core';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { problemResponses } from '../http/problem-responses.ts';
import type { Log, Metrics } from '../ports/telemetry.ts';
import { flushMetrics } from '../telemetry/flush-metrics.ts';
import { type DeliveryDeps, deliveryOperations } from './deliveries.ts';
import { type DeliveryListDeps, deliveryListOperation } from './delivery-list.ts';
import { type EventHistoryDeps, eventHistoryOperations } from './event-history.ts';
import { type EventDeps, eventOperations } from './events.ts';
import { openApiOperation } from './openapi-operation.ts';
import { type ReplayDeps, replayOperations } from './replays.ts';
import { type ApiAnswer, apiRequest } from './request.ts';
import { type ResendDeps, resendOperations } from './resends.ts';
import { createRouter } from './router.ts';
import { type SettingsDeps, settingsOperations } from './settings.ts';
import { type SubscriptionMetricsDeps, subscriptionMetricsOperation } from './subscription-metrics.ts';
import { type SubscriptionDeps, subscriptionOperations } from './subscriptions.ts';

export interface ManageDeps
  extends SubscriptionDeps,
    SettingsDeps,
    DeliveryDeps,
    DeliveryListDeps,
    ReplayDeps,
    EventDeps,
    EventHistoryDeps,
    ResendDeps,
    SubscriptionMetricsDeps {
  readonly metrics: Metrics;
  readonly log: Log;
}

/** The management API. */
export function createManageHandler(deps: ManageDeps) {
  const route = createRouter({
    ...subscriptionOperations(deps),
    ...deliveryOperations(deps),
    ...deliveryListOperation(deps),
    ...replayOperations(deps),
    ...settingsOperations(deps),
    ...eventOperations(deps),
    ...eventHistoryOperations(deps),
    ...resendOperations(deps),
    ...subscriptionMetricsOperation(deps),
    openApi: openApiOperation(deps.rules.outboundPolicy === 'public'),
  });
  return middy(async (event: APIGatewayProxyEventV2): Promise<ApiAnswer> => {
    const request = apiRequest(event);
    const answer = await route(request);
    deps.log.info('answered', { method: request.method, path: request.path, status: answer.statusCode });
    return answer;
  })
    .use(problemResponses(deps.log))
    .use(flushMetrics(deps.metrics));
}
