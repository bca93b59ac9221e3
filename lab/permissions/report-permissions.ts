import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unscopedActions } from '../../infra/constructs/unscoped-actions.ts';
import type { Grant } from '../../local/aws/iam/evaluate-access.ts';
import { type GrantUse, grantReportDirectoryVariable, readGrantReports } from '../../local/aws/iam/grant-report.ts';
import { readFlags } from '../../local/read-flags.ts';

const usage = `Runs the flows, each on the local run with the template's permissions enforced, and prints what the template grants, in how
many of the runs each grant was used, and which never was.

  npm run permissions -- [options]

  --all      the whole test suite in place of the flows
  --unused   only what was never used

Ends with 1 where there is such a grant, or where a flow fails.`;

const { values } = readFlags(usage, {
  options: { all: { type: 'boolean', default: false }, unused: { type: 'boolean', default: false } },
});
const directory = mkdtempSync(join(tmpdir(), 'grant-reports-'));
const { status } = spawnSync('vitest', ['run', ...(values.all ? [] : ['test/lab/permissions', 'test/flows'])], {
  stdio: ['ignore', 'inherit', 'inherit'],
  shell: process.platform === 'win32',
  env: { ...process.env, [grantReportDirectoryVariable]: directory },
});
const { runs, uses } = readGrantReports(directory);
rmSync(directory, { recursive: true, force: true });

const unused = uses.filter(({ usedIn }) => usedIn === 0);
if (!values.unused) {
  for (const [policy, itsUses] of Map.groupBy(uses, ({ grant }) => grant.policy)) {
    console.log(`\n${policy}`);
    for (const use of itsUses) console.log(`  ${line(use)}`);
  }
}
console.log(`\n${uses.length} grants, ${runs} runs of the stack, ${unused.length} grants never used`);
for (const { grant } of unused) console.log(`  ${grant.policy}  ${grant.action} on ${grant.resource}`);
process.exitCode = status === 0 && unused.length === 0 && runs > 0 ? 0 : 1;

function line({ grant, usedIn }: GrantUse): string {
  return `${String(usedIn).padStart(3)}  ${grant.action.padEnd(36)} ${grant.resource}${reasonOf(grant)}`;
}

/** Why an action is allowed on everything. */
function reasonOf({ action, resource }: Grant): string {
  if (resource !== '*') return '';
  const reasons: Readonly<Record<string, string>> = unscopedActions;
  // A trust policy names no resource: it is about the role itself.
  return action === 'sts:AssumeRole'
    ? ''
    : `  ${reasons[action] ?? 'NO REASON IS GIVEN (infra/constructs/unscoped-actions.ts)'}`;
}
