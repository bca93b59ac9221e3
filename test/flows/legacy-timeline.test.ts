import { describe, expect, it } from 'vitest';
import { Subscriber } from '../../lab/support/subscriber.ts';
import type { LegacyPhase } from '../../lambdas/domain/events/legacy-timeline.ts';
import { driftToken, FanoutProcess } from './fanout-process.ts';

/** What a subscriber to everything gets for a close and for an inactivity that Drift itself reports. */
const expectations: Record<LegacyPhase, { maySubscribe: boolean; afterClose: string[]; afterInactivity: string[] }> = {
  announced: {
    maySubscribe: true,
    afterClose: ['conversation_manual_push', 'conversation_push', 'conversation_status_updated'],
    afterInactivity: ['conversation_inactive', 'conversation_push'],
  },
  'closed-to-new': {
    maySubscribe: false,
    afterClose: ['conversation_manual_push', 'conversation_push'],
    afterInactivity: ['conversation_inactive', 'conversation_push'],
  },
  mirroring: {
    maySubscribe: false,
    afterClose: ['conversation_manual_push', 'conversation_push'],
    afterInactivity: ['conversation_inactive', 'conversation_push'],
  },
  removed: {
    maySubscribe: false,
    afterClose: ['conversation_manual_push', 'conversation_push'],
    afterInactivity: ['conversation_inactive', 'conversation_push'],
  },
};

describe.each(Object.entries(expectations))(
  'in the phase %s',
  (phase, { maySubscribe, afterClose, afterInactivity }) => {
    it(`${maySubscribe ? 'anyone may' : 'nobody new may'} subscribe to the legacy event, and the rest arrives`, async () => {
      const fanout = await FanoutProcess.start('--legacy', phase);
      const subscriber = await Subscriber.start();
      try {
        const eventTypes = ['conversation_manual_push', 'conversation_inactive', 'conversation_push'];
        const legacy = await fanout.api('POST', '/v1/subscriptions', {
          url: subscriber.url,
          eventTypes: [...eventTypes, 'conversation_status_updated'],
        });
        expect(legacy.status).toBe(maySubscribe ? 201 : 400);
        if (maySubscribe) await fanout.untilProvisioned((legacy.json as { subscriptionId: string }).subscriptionId);
        else {
          expect(legacy.text).toContain('conversation_push');
          await fanout.subscribe({ url: subscriber.url, eventTypes });
        }

        await fanout.post({
          orgId: 1,
          type: 'conversation_status_updated',
          token: driftToken,
          data: { conversationId: 1, status: 'closed', changedAt: 1591813767000 },
        });
        await subscriber.until((deliveries) => deliveries.length === afterClose.length, 'what a close becomes');
        expect(subscriber.typesReceived().sort()).toEqual(afterClose);
        subscriber.deliveries.length = 0;

        await fanout.post({
          orgId: 1,
          type: 'conversation_inactive',
          token: driftToken,
          data: { conversationId: 2, lastUpdated: 1591813767000 },
        });
        await subscriber.until(
          (deliveries) => deliveries.length === afterInactivity.length,
          'what an inactivity becomes',
        );
        expect(subscriber.typesReceived().sort()).toEqual(afterInactivity);
      } finally {
        await Promise.all([fanout.stop(), subscriber.stop()]);
      }
    });
  },
);
