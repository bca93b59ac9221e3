import type { RouteSettings } from '../domain/routes/desired-route.ts';
import type { ProvisionEnv } from './env.ts';

/** What all routes have in common, from the environment. Throws where the role's ARN is none. */
export function routeSettings(env: ProvisionEnv, region: string): RouteSettings {
  const [, partition, , , accountId] = env.DELIVER_ROLE_ARN.split(':');
  if (!partition || !accountId || !region) {
    throw new Error('the region is not known, or DELIVER_ROLE_ARN is not the ARN of a role');
  }
  return {
    prefix: env.ROUTE_PREFIX,
    partition,
    region,
    accountId,
    eventBusName: env.EVENT_BUS_NAME,
    queueUrlBase: env.CONTROL_QUEUE_URL.slice(0, env.CONTROL_QUEUE_URL.lastIndexOf('/') + 1),
    deliverCode: { bucket: env.DELIVER_CODE_BUCKET, key: env.DELIVER_CODE_KEY },
    deliverRoleArn: env.DELIVER_ROLE_ARN,
    deliverLogGroup: env.DELIVER_LOG_GROUP,
    tags: JSON.parse(env.TAGS) as Record<string, string>,
    deliverEnvironment: {
      SUBSCRIPTIONS_TABLE: env.SUBSCRIPTIONS_TABLE,
      DELIVERIES_TABLE: env.DELIVERIES_TABLE,
      EVENT_BUS_NAME: env.EVENT_BUS_NAME,
      CONTROL_QUEUE_URL: env.CONTROL_QUEUE_URL,
      OUTBOUND_POLICY: env.OUTBOUND_POLICY,
      TRACES: env.TRACES,
      DISABLE_AFTER_SECONDS: env.DISABLE_AFTER_SECONDS,
      POWERTOOLS_SERVICE_NAME: env.ROUTE_PREFIX,
    },
  };
}
