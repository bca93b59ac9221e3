/**
 * `npm test`: lint, types, import direction, then the tests. Ends with one plain line, `N passed, N failed`, in which
 * each of the three checks counts as one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const checks: readonly { title: string; command: string; args: string[] }[] = [
  { title: 'lint and format', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { title: 'types', command: 'tsc', args: ['--noEmit'] },
  { title: 'import direction', command: 'npm', args: ['run', '--silent', 'direction'] },
];

let passed = 0;
let failed = 0;

for (const { title, command, args } of checks) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  console.log(`${status === 0 ? 'passed' : 'FAILED'}: ${title}`);
  if (status === 0) passed++;
  else failed++;
}

const folder = mkdtempSync(join(tmpdir(), 'fanout-test-'));
const times: string[] = [];
for (const project of ['unit', 'aws', 'system']) {
  const reportFile = join(folder, `${project}.json`);
  const startedAt = Date.now();
  const { status } = spawnSync(
    'vitest',
    [
      'run',
      '--project',
      project,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      ...process.argv.slice(2),
    ],
    { stdio: 'inherit', shell: process.platform === 'win32' },
  );
  const report = readReport(reportFile);
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  // A test file that does not load has no failed test, and must not pass for it.
  if (status !== 0 && report.numFailedTests === 0) failed++;
  times.push(`${project} ${((Date.now() - startedAt) / 1000).toFixed(0)} s (${report.numPassedTests} passed)`);
}
rmSync(folder, { recursive: true, force: true });

console.log(times.join(', '));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function readReport(reportFile: string): { numPassedTests: number; numFailedTests: number } {
  try {
    return JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1 };
  }
}
