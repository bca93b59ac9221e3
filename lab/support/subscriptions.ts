import type { LegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import type { RouteSettings } from '../../lambdas/domain/routes/desired-route.ts';
import type { ItemRules } from '../../lambdas/domain/subscriptions/subscription-item.ts';
import type { JsonObject } from '../../lambdas/json/json.ts';

export const aSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A `config` record as a person writes it. */
export function aSubscriptionItem(fields: JsonObject = {}): JsonObject & { subscriptionId: string } {
  return {
    subscriptionId: 'sub_1',
    url: 'https://hooks.example.com/drift',
    eventTypes: ['new_message'],
    secrets: [aSecret],
    ...fields,
  };
}

export const day = 24 * 60 * 60 * 1000;
/** One day to each of the three dates, from `start` on. */
export function aTimeline(start: number): LegacyTimeline {
  return {
    closedToNewAt: start + day,
    mirroredAt: start + 2 * day,
    removedAt: start + 3 * day,
  };
}

export const longGoneTimeline = aTimeline(0);

export function itemRules(rules: Partial<ItemRules> = {}): ItemRules {
  return { outboundPolicy: 'public', timeline: longGoneTimeline, now: 100 * day, keepsLegacy: false, ...rules };
}

export function routeSettings(settings: Partial<RouteSettings> = {}): RouteSettings {
  return {
    prefix: 'fanout-test',
    partition: 'aws',
    region: 'eu-central-1',
    accountId: '123456789012',
    eventBusName: 'fanout-bus',
    queueUrlBase: 'https://sqs.eu-central-1.amazonaws.com/123456789012/',
    deliverCode: { bucket: 'assets', key: 'one.zip' },
    deliverRoleArn: 'arn:aws:iam::123456789012:role/deliver',
    deliverLogGroup: 'deliveries',
    tags: {},
    deliverEnvironment: {
      SUBSCRIPTIONS_TABLE: 'subscriptions',
      DELIVERIES_TABLE: 'deliveries',
      EVENT_BUS_NAME: 'fanout-bus',
      CONTROL_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/control',
      OUTBOUND_POLICY: 'public',
      TRACES: 'off',
      DISABLE_AFTER_SECONDS: '432000',
      POWERTOOLS_SERVICE_NAME: 'fanout-test',
    },
    ...settings,
  };
}
