import { type AttributeValue, DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Drill } from './drill.ts';
import { failing, healthy } from './endpoints.ts';
import type { Scene } from './scene.ts';

const records = ['state', 'config'];
let saved: (Record<string, AttributeValue> | undefined)[] = [];
let conversationId = 0;
const webhookId = (scene: Scene) => String(scene.receiver.deliveries[0]?.headers['webhook-id']);

/** What rings no alarm, and has an article. */
export const drillsWithoutAlarm: readonly Drill[] = [
  {
    article: 'subscriber-stopped',
    ringsNoAlarm: 'it has none',
    fault: 'an endpoint failed until its circuit was opened',
    async make(scene) {
      scene.receiver.answer = failing;
      const isOpen = async () => {
        await scene.post();
        return (await scene.shown()).circuit !== undefined;
      };
      await scene.until('the circuit to be open', isOpen, 600);
    },
    cure: [
      'subscriber-stopped 1',
      // Its owner mends it.
      async (scene) => {
        scene.receiver.answer = healthy;
      },
      'subscriber-stopped 2',
      'subscriber-stopped 3',
      'subscriber-stopped 4',
    ],
    values: (scene) => ({ 'when it began': new Date(scene.drillBegan).toISOString() }),
  },
  {
    article: 'why-not-delivered',
    ringsNoAlarm: 'it has none',
    fault: 'a receiver has lost an event that it had taken',
    async make(scene) {
      conversationId = await scene.say();
      await scene.until('the event to arrive', () => scene.missing().length === 0, 60);
    },
    cure: ['why-not-delivered 1', 'why-not-delivered 2', 'why-not-delivered 3', 'why-not-delivered 2'],
    values: (scene) => ({
      orgId: '1',
      conversationId: String(conversationId),
      webhookId: webhookId(scene),
      time: '1h',
    }),
    proof: (scene) =>
      scene.until(
        'the event to arrive again',
        () =>
          scene.receiver.deliveries.filter(({ headers }) => headers['webhook-id'] === webhookId(scene)).length === 2,
        60,
      ),
  },
  {
    article: 'something-deleted',
    ringsNoAlarm: 'it has none',
    fault: "somebody deleted a subscription's item",
    async make(scene) {
      const { dynamo } = scene.aws;
      const TableName = scene.stack.tables.subscriptions;
      const keys = records.map((record) => ({ subscriptionId: { S: scene.id }, record: { S: record } }));
      saved = await Promise.all(
        keys.map(async (Key) => (await dynamo.send(new GetItemCommand({ TableName, Key }))).Item),
      );
      await dynamo.send(new DeleteItemCommand({ TableName, Key: keys[1] }));
      const isGone = () => !scene.stack.queues.list().some(({ name }) => name === scene.routeName);
      await scene.until('its queue to be gone', isGone, 60);
      await scene.post();
    },
    cure: ['something-deleted 0', 'something-deleted 1', 'something-deleted 2', 'something-deleted 4'],
    // The records as they were, as the restored table has them.
    async onAws(scene, { text }) {
      if (!text.startsWith('copy_subscription')) return;
      await scene.pass(60);
      const TableName = scene.stack.tables.subscriptions;
      for (const Item of saved)
        if (Item !== undefined) await scene.aws.dynamo.send(new PutItemCommand({ TableName, Item }));
      await scene.pass(600);
    },
    values: (scene) => ({ 'when it was deleted': new Date(scene.drillBegan).toISOString() }),
  },
];
