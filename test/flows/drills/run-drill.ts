import { expect } from 'vitest';
import { type ArticleCommands, fillIn, runbook } from './article-commands.ts';
import type { CureStep, Drill } from './drill.ts';
import type { Scene } from './scene.ts';
import { runCommands } from './shell.ts';

/** Seconds are those of the local run's time, but for `realSeconds`. */
export interface DrillReport {
  readonly drill: Drill;
  /** From the fault on. Undefined: it rings no alarm. */
  readonly rangAfter: number | undefined;
  /** From the first command on. */
  readonly endedAfter: number | undefined;
  readonly commandsRun: number;
  readonly doneByHand: number;
  readonly realSeconds: number;
}

const hour = 3600;

/** What a step of a cure stands for. */
export function commandsOf(step: CureStep): readonly ArticleCommands[] {
  if (typeof step !== 'string') return [];
  const [article, number] = step.split(' ');
  return runbook.filter(
    (commands) => commands.article === article && (number === undefined || commands.step === Number(number)),
  );
}

/** Throws where the alarm does not ring, a command fails, the alarm does not end, or an event is lost. */
export async function runDrill(drill: Drill, scene: Scene): Promise<DrillReport> {
  const { article } = drill;
  const isRinging = () => scene.alarm(article).state === 'alarm';
  const untilAlarm = (what: string, expected: boolean, seconds: number, before = async () => {}) =>
    drill.ringsNoAlarm !== undefined
      ? undefined
      : scene.until(
          `${article} ${what}`,
          async () => {
            await before();
            return isRinging() === expected;
          },
          seconds,
        );

  const begun = performance.now();
  await scene.subscribe();
  await untilAlarm('is quiet before the fault', false, 4 * hour);

  await drill.make(scene);
  let minute = 0;
  const rangAfter = await untilAlarm('rings', true, 6 * hour, async () => {
    if (scene.now() < minute + 60_000) return;
    minute = scene.now();
    await drill.meanwhile?.(scene);
  });
  if (drill.names !== undefined) expect(scene.alarm(article).contributors).toEqual([drill.names(scene)]);

  const cureBegan = scene.now();
  const all = drill.cure.flatMap(commandsOf);
  for (const step of drill.cure) {
    if (typeof step === 'number') await scene.pass(step);
    else if (typeof step === 'function') await step(scene);
    else for (const commands of commandsOf(step)) await carryOut(drill, commands, scene, commands === all.at(-1));
  }
  await untilAlarm('ends', false, 2 * hour);
  const endedAfter = drill.ringsNoAlarm !== undefined ? undefined : Math.round((scene.now() - cureBegan) / 1000);
  await scene.until('nothing that was accepted is missing', () => scene.missing().length === 0, hour);
  await drill.proof?.(scene);
  await scene.unsubscribe();
  return {
    drill,
    rangAfter,
    endedAfter,
    commandsRun: all.filter(({ isOnlyOnAws }) => !isOnlyOnAws).length,
    doneByHand: all.filter(({ isOnlyOnAws }) => isOnlyOnAws).length,
    realSeconds: Math.round((performance.now() - begun) / 100) / 10,
  };
}

async function carryOut(drill: Drill, commands: ArticleCommands, scene: Scene, isLast: boolean): Promise<void> {
  if (commands.isOnlyOnAws) {
    if (drill.onAws === undefined) throw new Error(`who does by hand what works on AWS alone?\n${commands.text}`);
    await drill.onAws(scene, commands);
  } else {
    await runCommands(fillIn(commands.text, { id: scene.id, ...drill.values?.(scene) }), scene, {
      mayFindFault: !isLast,
    });
  }
  // What it has begun.
  await scene.pass(1);
}
