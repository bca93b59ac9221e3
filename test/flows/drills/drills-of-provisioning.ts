import type { Drill } from './drill.ts';
import { revertDrift, type Scene } from './scene.ts';

const provision = 'RoutesProvisionFunction';

const changeSubscription = (scene: Scene) =>
  scene.callApi('PATCH', `/subscriptions/${scene.id}`, { description: `changed at ${scene.now()}` });

const inForce = (scene: Scene) =>
  scene.until('the change to be in force', async () => (await scene.shown()).provisioning === 'ready', 600);

/** What goes wrong while routes are brought to what the subscriptions say. */
export const drillsOfProvisioning: readonly Drill[] = [
  {
    article: 'provisioning-failing',
    fault: 'somebody changed the name of the table that provision reads',
    async make(scene) {
      await scene.byHand.setVariable(scene.functionNamed(provision), 'SUBSCRIPTIONS_TABLE', 'gone');
      await changeSubscription(scene);
    },
    cure: ['provisioning-failing'],
    onAws: revertDrift,
    proof: inForce,
  },
  {
    article: 'changes-lost',
    fault: 'provision crashes at its start, since somebody took a variable from it',
    async make(scene) {
      await scene.byHand.setVariable(scene.functionNamed(provision), 'SUBSCRIPTIONS_TABLE', undefined);
      await changeSubscription(scene);
    },
    cure: ['changes-lost'],
    onAws: revertDrift,
    proof: inForce,
  },
  {
    article: 'provisioning-stuck',
    fault: 'somebody left provision no concurrency',
    async make(scene) {
      await scene.byHand.reserveConcurrency(scene.functionNamed(provision), 0);
      await changeSubscription(scene);
    },
    cure: ['provisioning-stuck'],
    proof: inForce,
  },
  {
    article: 'changes-not-followed',
    fault: 'somebody switched the mapping of the stream off',
    async make(scene) {
      await scene.hourlyRunIsOver(10 * 60);
      await scene.byHand.disableMapping(scene.functionNamed(provision), '/stream/');
      await changeSubscription(scene);
    },
    cure: ['changes-not-followed'],
    proof: inForce,
  },
  {
    article: 'control-dead-letters',
    fault: 'somebody sent a message to the control queue that nobody can read',
    make: (scene) => scene.send(scene.queueNamed('RoutesControlQueue'), 'hello'),
    cure: ['control-dead-letters'],
  },
];
