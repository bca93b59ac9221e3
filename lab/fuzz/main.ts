import fc from 'fast-check';
import { readFlags, refuseFlags, wholeNumberFlag } from '../../local/read-flags.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { targets } from './targets.ts';

const usage = `Puts very many inputs into what takes what strangers write.

  npm run fuzz -- [target …] [options]

${Object.entries(targets)
  .map(([name, { claim }]) => `  ${name.padEnd(11)} ${claim}`)
  .join('\n')}

  --inputs N    for each target; default 1000000
  --seed S      default: another one each time; it is printed, and with it a run can be had again
  --path P      of a failure, as it is printed`;

/** Each has a seed of its own, so that a failure can be had again without all that went before it. */
const inputsPerRun = 20_000;

const { values, positionals } = readFlags(usage, {
  allowPositionals: true,
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    path: { type: 'string' },
  },
});
const inputs = wholeNumberFlag('inputs', values.inputs, 1);
const names = positionals.length > 0 ? positionals : Object.keys(targets);
const unknown = names.find((name) => targets[name] === undefined);
if (unknown !== undefined) refuseFlags(`there is no target ${unknown}`);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : wholeNumberFlag('seed', values.seed, 0);
console.log(`seed ${seed}`);

for (const name of names) {
  const target = targets[name];
  if (target !== undefined && !(await fuzz(name, target))) process.exitCode = 1;
}

async function fuzz(name: string, target: FuzzTarget): Promise<boolean> {
  const property = await target.property();
  const startedAt = performance.now();
  let shownAt = startedAt;
  for (let done = 0; done < inputs; ) {
    const runSeed = (seed + done) | 0;
    const numRuns = Math.min(inputsPerRun, inputs - done);
    const details = await fc.check(property, {
      seed: runSeed,
      numRuns,
      ...(values.path === undefined ? {} : { path: values.path }),
    });
    if (details.failed) {
      console.log(`\n${name}: FAILED after ${done + details.numRuns} inputs`);
      console.log(details.errorInstance instanceof Error ? details.errorInstance.stack : details.errorInstance);
      console.log(`input, made as small as it went: ${fc.stringify(details.counterexample)}`);
      console.log(
        `again with: npm run fuzz -- ${name} --seed ${runSeed} --inputs ${numRuns} --path ${details.counterexamplePath}`,
      );
      return false;
    }
    done += numRuns;
    const now = performance.now();
    if (process.stdout.isTTY && now - shownAt > 1000) {
      shownAt = now;
      process.stdout.write(`\r${name}: ${done.toLocaleString('en')} inputs`);
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (process.stdout.isTTY) process.stdout.write('\r');
  console.log(`${name}: ${inputs.toLocaleString('en')} inputs, nothing found (${seconds.toFixed(0)} s)`);
  return true;
}
