import { type JsonObject, type JsonValue, parseJson } from '../../json/json.ts';
import type { Broadcast } from '../events/derive.ts';
import { eventSources, operationalEventTypes } from '../events/event-types.ts';
import { webhookId } from '../events/webhook-id.ts';
import type { DeliveryRecord } from './delivery-ledger.ts';
import type { DeliveryMessage } from './delivery-message.ts';
import type { FailingNotice } from './endpoint-health.ts';

/*
 * Events about deliveries. Their ids are made of what they tell, so one that is published twice after a crash is
 * delivered once. Each is about one subscription and names it in `data.subscriptionId`.
 */

const noticeNames: Readonly<Record<FailingNotice, string>> = {
  1: 'circuit-open',
  2: 'half-time',
  3: 'seventy-percent',
  4: 'ninety-percent',
};

/** The subscription keeps failing; it will be disabled at `disableAt` (epoch ms) if no delivery succeeds before. */
export function subscriptionFailing(
  subscriptionId: string,
  notice: FailingNotice,
  failingSince: number,
  disableAt: number,
  now: number,
): Broadcast {
  return broadcast(
    operationalEventTypes.subscriptionFailing,
    { subscriptionId, notice: noticeNames[notice], failingSince, disableAt },
    [subscriptionId, String(failingSince), String(notice)],
    now,
  );
}

/** The system stopped deliveries to the subscription; its events wait until it is enabled again. */
export function subscriptionDisabled(
  subscriptionId: string,
  reason: string,
  failingSince: number,
  at: number,
): Broadcast {
  return broadcast(
    operationalEventTypes.subscriptionDisabled,
    { subscriptionId, reason, disabledAt: at },
    [subscriptionId, String(failingSince)],
    at,
  );
}

/** A subscription whose failing had been told delivers again. */
export function deliveryRecovered(subscriptionId: string, failingSince: number, now: number): Broadcast {
  return broadcast(
    operationalEventTypes.deliveryRecovered,
    { subscriptionId, failingSince, recoveredAt: now },
    [subscriptionId, String(failingSince)],
    now,
  );
}

/**
 * An event is exhausted for one subscription, or its receiver does not want it; the ledger keeps it, so that it can be
 * replayed.
 */
export function deliveryEnded(
  subscriptionId: string,
  message: DeliveryMessage,
  { state: outcome, attempts, reason = '' }: Pick<DeliveryRecord, 'state' | 'attempts' | 'reason'>,
  now: number,
): Broadcast {
  const { webhookId: id, eventType, replayName } = message;
  return broadcast(
    operationalEventTypes.deliveryExhausted,
    { subscriptionId, webhookId: id, eventType, outcome, attempts, reason },
    [subscriptionId, id, replayName ?? ''],
    now,
    parseJson(message.orgIdText),
  );
}

function broadcast(
  type: string,
  data: JsonObject,
  fact: readonly string[],
  now: number,
  orgId: JsonValue = null,
): Broadcast {
  const id = webhookId('', type, fact);
  return { source: eventSources.fanout, detail: { id, orgId, type, data, occurredAt: now } };
}
