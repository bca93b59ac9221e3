import type { Drill } from './drill.ts';
import { flood } from './flood.ts';
import { nothingHappens, nothingToDo, revertDrift } from './scene.ts';

const newToken = 'token-after-the-change';

/** What goes wrong before an event is on the bus. */
export const drillsOfPosts: readonly Drill[] = [
  {
    article: 'api-errors',
    fault: 'somebody changed the name of the bus that ingest publishes to',
    make: (scene) => scene.byHand.setVariable(scene.functionNamed('IngestFunction'), 'EVENT_BUS_NAME', 'gone'),
    meanwhile: (scene) => scene.post(),
    cure: ['api-errors 1', 'api-errors 2', 'changed-by-hand', (scene) => scene.post(), 'api-errors 3'],
    onAws: revertDrift,
  },
  {
    article: 'ingest-throttled',
    fault: 'somebody left ingest no concurrency',
    make: (scene) => scene.byHand.reserveConcurrency(scene.functionNamed('IngestFunction'), 0),
    meanwhile: (scene) => scene.post(),
    cure: ['ingest-throttled', (scene) => scene.post()],
    onAws: nothingToDo,
  },
  {
    article: 'bad-token',
    fault: "Drift's token was changed in Drift, and not here",
    make: nothingHappens,
    meanwhile: (scene) => scene.post({ token: newToken }),
    cure: ['bad-token 1', 'bad-token 2', 11, (scene) => scene.post({ token: newToken }), 'bad-token 3'],
    values: () => ({ token: newToken }),
    // As it was, for the drills that follow.
    proof: (scene) => scene.enterToken(scene.stack.driftToken),
  },
  {
    article: 'nothing-from-drift',
    fault: 'the app was disabled in Drift',
    make: nothingHappens,
    cure: ['nothing-from-drift'],
    values: (scene) => ({ token: scene.stack.driftToken }),
  },
  {
    article: 'flood',
    fault: 'somebody sends 600 requests in each second',
    make: nothingHappens,
    meanwhile: (scene) => flood(scene.stack.api, 36_000),
    cure: ['flood'],
  },
];
