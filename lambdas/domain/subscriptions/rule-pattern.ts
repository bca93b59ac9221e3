import { integerValue, type JsonObject, type JsonValue } from '../../json/json.ts';
import { eventSources, operationalEventTypes, testEventType } from '../events/event-types.ts';
import type { SubscriptionConfig } from './subscription.ts';

const operationalTypes: readonly string[] = Object.values(operationalEventTypes);

/**
 * The event pattern of a subscriber's rule. Operational events are of no organisation and have other data, so neither
 * `orgIds` nor `filter` applies to them; a test event reaches its subscription whatever it subscribed to.
 */
export function rulePattern(
  config: Pick<SubscriptionConfig, 'subscriptionId' | 'eventTypes' | 'orgIds' | 'filter'>,
): JsonObject {
  const { subscriptionId, eventTypes, orgIds, filter } = config;
  const ofDrift = eventTypes.filter((type) => !operationalTypes.includes(type));
  const operational = eventTypes.filter((type) => operationalTypes.includes(type));
  const detail: JsonObject = {
    ...(orgIds === undefined ? {} : { orgId: orgIds.map(integerValue) }),
    ...(filter === undefined ? {} : { data: filter }),
  };
  const branches: JsonValue[] = [];
  if (ofDrift.length > 0) {
    branches.push({
      source: [eventSources.drift],
      'detail-type': ofDrift,
      ...(Object.keys(detail).length === 0 ? {} : { detail }),
    });
  }
  if (operational.length > 0) branches.push({ source: [eventSources.fanout], 'detail-type': operational });
  branches.push({
    source: [eventSources.fanout],
    'detail-type': [testEventType],
    detail: { data: { subscriptionId: [subscriptionId] } },
  });
  return { $or: branches };
}
