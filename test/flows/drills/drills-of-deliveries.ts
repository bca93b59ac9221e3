import type { Drill } from './drill.ts';
import { failing, healthy, slowEndpoint } from './endpoints.ts';
import { nothingToDo } from './scene.ts';

const minute = 60;
const slow = slowEndpoint(14);
let malformed = '';

/** What goes wrong on the way from the bus to a subscriber. */
export const drillsOfDeliveries: readonly Drill[] = [
  {
    article: 'deliveries-late',
    fault: 'an endpoint answers after 14 s, and far more comes than that lets through',
    async make(scene) {
      await scene.callApi('PATCH', `/subscriptions/${scene.id}`, { maxConcurrency: 2 });
      await scene.pass(10);
      scene.receiver.answer = slow.answer;
      for (let posted = 0; posted < 600; posted += 20) {
        await Promise.all(Array.from({ length: 20 }, () => scene.post()));
      }
      slow.begin(scene);
    },
    names: (scene) => scene.id,
    cure: ['deliveries-late'],
    proof: async () => slow.end(),
  },
  {
    article: 'deliveries-not-read',
    fault: "somebody switched the mapping of a subscriber's function off",
    async make(scene) {
      await scene.hourlyRunIsOver(30 * 60);
      await scene.byHand.disableMapping(scene.routeName, scene.routeName);
      await scene.post();
    },
    cure: ['deliveries-not-read'],
  },
  {
    article: 'deliveries-not-read',
    ringsNoAlarm: 'its events are in flight while Lambda tries to have the function take them, as if it were at work',
    fault: "somebody left a subscriber's function no concurrency",
    async make(scene) {
      await scene.byHand.reserveConcurrency(scene.routeName, 0);
      await scene.post();
    },
    cure: ['deliveries-not-read'],
  },
  {
    article: 'retries-not-swept',
    fault: 'somebody switched the schedule of the retries off',
    async make(scene) {
      // Its next attempt is ten minutes away, so it waits in the ledger.
      scene.receiver.answer = failing;
      await scene.post();
      await scene.pass(4 * minute);
      scene.receiver.answer = healthy;
      await scene.byHand.disableRule(scene.ruleNamed('RoutesEveryMinute'));
    },
    cure: ['retries-not-swept'],
  },
  {
    article: 'delivery-functions-failing',
    fault: 'somebody took a variable from a delivery function',
    async make(scene) {
      await scene.hourlyRunIsOver(10 * 60);
      await scene.byHand.setVariable(scene.routeName, 'DELIVERIES_TABLE', undefined);
      for (let event = 0; event < 3; event++) {
        await scene.pass(5);
        await scene.post();
      }
    },
    cure: ['delivery-functions-failing'],
  },
  {
    article: 'subscriber-dead-letters',
    fault: "somebody forbade the bus to send to a subscriber's queue",
    async make(scene) {
      await scene.byHand.setQueuePolicy(scene.ownQueue(), undefined);
      await scene.post();
      malformed = await scene.send(scene.ownQueue('-dlq'), 'malformed');
    },
    cure: ['subscriber-dead-letters'],
    values: () => ({ messageId: malformed }),
  },
  {
    article: 'routing-failing',
    fault: "somebody deleted a subscriber's queue",
    async make(scene) {
      await scene.byHand.deleteQueue(scene.ownQueue());
      await scene.post();
    },
    names: (scene) => scene.routeName,
    cure: [minute, 'routing-failing 2', 'routing-failing 3', 'routing-failing 4', 'routing-failing 5'],
    onAws: nothingToDo,
    values: (scene) => ({ 'when it began': new Date(scene.drillBegan).toISOString() }),
  },
  {
    article: 'routing-dead-letters',
    fault: "somebody forbade the bus to send to a subscriber's queue",
    async make(scene) {
      await scene.byHand.setQueuePolicy(scene.ownQueue(), undefined);
      await scene.post();
    },
    names: (scene) => scene.routeName,
    cure: ['routing-dead-letters'],
    onAws: nothingToDo,
  },
  {
    article: 'routing-lost',
    fault: 'somebody deleted both queues of a subscriber',
    async make(scene) {
      await scene.byHand.deleteQueue(scene.ownQueue());
      await scene.byHand.deleteQueue(scene.ownQueue('-dlq'));
      await scene.post();
    },
    names: (scene) => scene.routeName,
    cure: [minute, 'routing-lost 2', 10 * minute, 'routing-lost 3', 'routing-lost 4'],
    onAws: nothingToDo,
  },
];
