import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTemplate } from '../../local/aws/template/template.ts';
import { startLocalStack } from '../../local/local-stack.ts';
import { readFlags } from '../../local/read-flags.ts';
import { synthesise } from '../../local/synthesise.ts';
import { PathBlocked, walkEveryPath } from './every-path.ts';
import { grantsOfTemplate, type TemplateGrant } from './template-grants.ts';

const usage = `Takes one grant after the other out of the template, runs the stack without it and walks every path. If nothing fails, the grant
is not needed, or a path is missing.

  npm run mutate-permissions -- [options]

  --only TEXT   the grants whose holder or action has the text
  --list        names them and ends

Ends with 1 where there is such a grant.`;

// The stack's default of 600 s would be a long walk.
const quietPeriodSeconds = 1;
const workersPerFunction = 2;

/** What fails with the template as it is in the directory; undefined where nothing does. */
async function failureWith(assemblyDirectory: string): Promise<string | undefined> {
  let stack: Awaited<ReturnType<typeof startLocalStack>>;
  try {
    stack = await startLocalStack({ assemblyDirectory, quietPeriodSeconds, workersPerFunction, onNotice: () => {} });
  } catch (error) {
    return `does not start: ${(error as Error).message}`;
  }
  try {
    await walkEveryPath(stack);
    return undefined;
  } catch (error) {
    if (!(error instanceof PathBlocked)) throw error;
    return error.message;
  } finally {
    await stack.stop();
  }
}

async function main(): Promise<void> {
  const { values } = readFlags(usage, {
    options: { only: { type: 'string' }, list: { type: 'boolean', default: false } },
  });
  process.env.TZ = 'UTC';
  const workDirectory = mkdtempSync(join(tmpdir(), 'mutate-permissions-'));
  process.once('exit', () => rmSync(workDirectory, { recursive: true, force: true }));
  const directory = await synthesise({ workDirectory, quietPeriodSeconds, tags: { team: 'crm' } });
  const name = readdirSync(directory).find((each) => each.endsWith('.template.json')) ?? '';
  const file = join(directory, name);
  const template = readTemplate(JSON.parse(readFileSync(file, 'utf8')));
  const { only = '' } = values;
  const grants = grantsOfTemplate(template).filter(({ holder, what }) => `${holder} ${what}`.includes(only));
  if (values.list) {
    for (const { holder, what } of grants) console.log(`${holder}: ${what}`);
    return;
  }

  const failure = await failureWith(directory);
  if (failure !== undefined) throw new Error(`with the whole template: ${failure}`);
  const survivors: TemplateGrant[] = [];
  for (const [index, grant] of grants.entries()) {
    writeFileSync(file, JSON.stringify(grant.without()));
    const why = await failureWith(directory);
    if (why === undefined) survivors.push(grant);
    console.log(`${`${index + 1}/${grants.length}`.padStart(7)}  ${grant.holder}  ${grant.what}`);
    console.log(`         ${why ?? 'NOTHING FAILS'}`);
  }
  console.log(`\n${grants.length} grants taken away one at a time; without ${survivors.length} of them nothing fails`);
  for (const { holder, what } of survivors) console.log(`  ${holder}  ${what}`);
  process.exitCode = survivors.length === 0 ? 0 : 1;
}

await main();
// The bundler's service and idle sockets of clients need no farewell.
process.exit();
