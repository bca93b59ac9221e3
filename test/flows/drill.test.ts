import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runbook } from './drills/article-commands.ts';
import { drills, notDrilled } from './drills/drills.ts';
import { commandsOf, type DrillReport, runDrill } from './drills/run-drill.ts';
import { Scene } from './drills/scene.ts';

// Each fault is made on the real local run, whose time passes as fast as it can follow. The template's alarm rings, the
// commands of its article are run as they stand in docs/runbook.md, it ends, and all events have arrived.

const reports: DrillReport[] = [];
let scene: Scene;

beforeAll(async () => {
  scene = await Scene.open();
}, 120_000);
afterAll(async () => {
  await scene?.close();
  console.log(tableOf(reports));
  for (const [article, why] of Object.entries(notDrilled)) console.log(`not drilled: ${article}: ${why}`);
});

describe('nothing is left out:', () => {
  test('each alarm has a drill', () => {
    const drilled = new Set(
      drills.filter(({ ringsNoAlarm }) => ringsNoAlarm === undefined).map(({ article }) => article),
    );
    expect([...drilled].sort()).toEqual(scene.alarmNames().sort());
  });

  test('each command of the runbook is run in a drill, or done by hand there if it works on AWS alone', () => {
    const inDrills = new Set(drills.flatMap(({ cure }) => cure.flatMap(commandsOf)));
    const left = runbook
      .filter((commands) => commands.article !== '' && !inDrills.has(commands))
      .map(({ article, step }) => (article in notDrilled ? article : `${article} ${step}`));
    expect([...new Set(left)].sort()).toEqual(Object.keys(notDrilled).sort());
  });
});

describe('on call:', () => {
  test.each(drills)('$article: $fault', async (drill) => {
    scene.notices.length = 0;
    try {
      reports.push(await runDrill(drill, scene));
    } catch (error) {
      // For the next ones: they stand on a whole stack.
      await scene.recover();
      const said = scene.notices.slice(-5).map((notice) => notice.slice(0, 300));
      throw new Error(
        `${error instanceof Error ? error.message : error}\nThe local run said last:\n${said.join('\n')}`,
        { cause: error },
      );
    }
  });
});

function tableOf(rows: readonly DrillReport[]): string {
  const seconds = (value: number | undefined) => `${value} s`.padStart(7);
  const text = rows.map(({ drill, rangAfter, endedAfter, commandsRun, doneByHand, realSeconds }) => {
    const alarm =
      drill.ringsNoAlarm === undefined
        ? `rang after ${seconds(rangAfter)}, ended after ${seconds(endedAfter)}`
        : 'no alarm'.padEnd(40);
    const real = `${realSeconds} s in all`;
    return `${drill.article.padEnd(28)} ${alarm}, ${commandsRun} run as they stand, ${doneByHand} done by hand, ${real}`;
  });
  const silent = rows.flatMap(({ drill: { article, fault, ringsNoAlarm } }) =>
    ringsNoAlarm === undefined ? [] : [`rang no alarm: ${article} (${fault}): ${ringsNoAlarm}`],
  );
  return ['Seconds of the local run, but for the last:', ...text, ...silent].join('\n');
}
