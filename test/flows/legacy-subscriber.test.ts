import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { localAwsClients } from '../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { driftToken, FanoutProcess } from './fanout-process.ts';

/** As the table looks for somebody who subscribed to the legacy event while that was open to anyone. */
async function anExistingLegacySubscriber(fanout: FanoutProcess, url: string): Promise<string> {
  const { dynamo } = localAwsClients(fanout.ready.aws);
  const subscriptionId = 'since-2019';
  const put = (item: Record<string, { S: string } | { N: string } | { L: { S: string }[] }>) =>
    dynamo.send(
      new PutItemCommand({
        TableName: fanout.ready.tables.subscriptions,
        Item: { subscriptionId: { S: subscriptionId }, ...item },
      }),
    );
  await put({
    record: { S: 'state' },
    provisioning: { S: 'pending' },
    legacyAcceptedAt: { N: String(Date.UTC(2019, 0, 1)) },
  });
  await put({
    record: { S: 'config' },
    status: { S: 'active' },
    url: { S: url },
    eventTypes: { L: [{ S: 'conversation_status_updated' }] },
  });
  return subscriptionId;
}

const close = {
  orgId: 1,
  type: 'conversation_status_updated',
  token: driftToken,
  data: { conversationId: 1, status: 'closed', changedAt: 1591813767000 },
};
const inactivity = {
  orgId: 1,
  type: 'conversation_inactive',
  token: driftToken,
  data: { conversationId: 2, lastUpdated: 1591813767000 },
};

describe('who had the legacy event before it was closed to new subscribers', () => {
  it('keeps it, and while mirroring gets an inactivity as a close, exactly as Drift published it', async () => {
    const fanout = await FanoutProcess.start('--legacy', 'mirroring');
    const subscriber = await Subscriber.start();
    try {
      await fanout.untilProvisioned(await anExistingLegacySubscriber(fanout, subscriber.url));
      await fanout.post(close);
      await fanout.post(inactivity);
      await subscriber.until((deliveries) => deliveries.length === 2, 'the close and the mirror');
      expect(subscriber.bodies().sort()).toEqual([
        '{"orgId":1,"type":"conversation_status_updated","data":{"conversationId":1,"status":"closed","changedAt":1591813767000}}',
        '{"orgId":1,"type":"conversation_status_updated","data":{"conversationId":2,"status":"closed","changedAt":1591813767000}}',
      ]);
    } finally {
      await Promise.all([fanout.stop(), subscriber.stop()]);
    }
  });

  it('is told in its state once the event is gone, and by which events to replace it', async () => {
    const fanout = await FanoutProcess.start('--legacy', 'removed');
    try {
      const subscriptionId = await anExistingLegacySubscriber(fanout, 'http://127.0.0.1:9/');
      const { reason } = await fanout.untilProvisioned(subscriptionId, 'rejected');
      for (const replacement of ['conversation_manual_push', 'conversation_inactive', 'conversation_push']) {
        expect(reason).toContain(replacement);
      }
    } finally {
      await fanout.stop();
    }
  });
});
