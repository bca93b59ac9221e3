import type { Drill } from './drill.ts';
import { revertDrift, type Scene } from './scene.ts';

const minute = 60;
const trackFunction = 'TrackActivityFunction';

/** A conversation that is said something in before the alarm rings must go quiet after the cure. */
function conversationThatGoesQuiet() {
  let conversationId = 0;
  return {
    start: async (scene: Scene) => {
      conversationId = await scene.say();
    },
    goesQuiet: (scene: Scene) =>
      scene.until('conversation_inactive came', () => scene.wentQuiet(conversationId), 30 * minute),
  };
}

const untracked = conversationThatGoesQuiet();
const unfired = conversationThatGoesQuiet();
const unswept = conversationThatGoesQuiet();
const unread = conversationThatGoesQuiet();
const late = conversationThatGoesQuiet();

/** What goes wrong while conversations are watched, and the events kept. */
export const drillsOfInactivity: readonly Drill[] = [
  {
    article: 'activity-dead-letters',
    fault: 'somebody changed the name of the table that track-activity writes to',
    async make(scene) {
      await scene.byHand.setVariable(scene.functionNamed(trackFunction), 'CONVERSATIONS_TABLE', 'gone');
      await untracked.start(scene);
    },
    cure: [
      'activity-dead-letters 1',
      'activity-dead-letters 2',
      'activity-dead-letters 3',
      3 * minute,
      'activity-dead-letters 3',
      'activity-dead-letters 4',
    ],
    onAws: revertDrift,
    proof: untracked.goesQuiet,
  },
  {
    article: 'timers-dead-letters',
    fault: 'emit-inactivity crashes at its start, since somebody took a variable from it',
    async make(scene) {
      await scene.byHand.setVariable(scene.functionNamed('InactivityEmitFunction'), 'EVENT_BUS_NAME', undefined);
      await unfired.start(scene);
    },
    cure: [
      'timers-dead-letters 1',
      'timers-dead-letters 2',
      'timers-dead-letters 3',
      2 * minute,
      'timers-dead-letters 3',
      'timers-dead-letters 4',
    ],
    onAws: revertDrift,
    proof: unfired.goesQuiet,
  },
  {
    article: 'history-dead-letters',
    fault: 'somebody changed the name of the table that record-events writes to',
    async make(scene) {
      await scene.byHand.setVariable(scene.functionNamed('RecordEvents'), 'EVENTS_TABLE', 'gone');
      await scene.post();
    },
    cure: [
      'history-dead-letters 1',
      'history-dead-letters 2',
      'history-dead-letters 3',
      3 * minute,
      'history-dead-letters 3',
      'history-dead-letters 4',
    ],
    onAws: revertDrift,
  },
  {
    article: 'sweep-not-running',
    fault: 'somebody switched the schedule of the sweep off',
    async make(scene) {
      await scene.byHand.disableRule(scene.ruleNamed('InactivityEveryMinute'));
      await unswept.start(scene);
    },
    cure: ['sweep-not-running'],
    proof: unswept.goesQuiet,
  },
  {
    article: 'queues-not-read',
    fault: 'somebody switched the mapping of track-activity off',
    async make(scene) {
      await scene.byHand.disableMapping(scene.functionNamed(trackFunction), 'Activity');
      await unread.start(scene);
    },
    cure: ['queues-not-read'],
    proof: unread.goesQuiet,
  },
  {
    article: 'inactivity-late',
    fault: 'somebody changed the name of the bus that emit-inactivity publishes to',
    async make(scene) {
      await scene.byHand.setVariable(scene.functionNamed('InactivityEmitFunction'), 'EVENT_BUS_NAME', 'gone');
      await late.start(scene);
    },
    cure: ['inactivity-late 1', 'inactivity-late 2', 2 * minute, 'inactivity-late 3'],
    onAws: revertDrift,
    proof: late.goesQuiet,
  },
];
