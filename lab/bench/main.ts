import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags, refuseFlags } from '../../local/read-flags.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { describeMachine, isBusy } from './machine.ts';
import { type FinishedSection, printSection, resultsMarkdown, targetLine } from './report.ts';
import type { SectionReport } from './section.ts';
import { sections, slowSections } from './sections.ts';

const usage = `Measures the system on this machine.

  npm run bench -- [options]

  --quick          fewer rounds: all sections but ${new Intl.ListFormat('en').format(slowSections)}, in under a minute
  --only NAME      one section, or several with commas: ${Object.keys(sections).join(', ')}
  --out DIRECTORY  where RESULTS.md is written. Default: lab/bench; with --quick build/bench, so that a quick look does
                   not replace the figures that were taken with care. With --only nothing is written, unless a
                   directory is given.`;

const { values } = readFlags(usage, {
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    out: { type: 'string' },
  },
});
const names =
  values.only?.split(',') ?? Object.keys(sections).filter((name) => !(values.quick && slowSections.includes(name)));
const unknown = names.find((name) => sections[name] === undefined);
if (unknown !== undefined) refuseFlags(`--only ${unknown}: there is no such section`);

const startedAt = new Date();
const machine = describeMachine();
const busy = isBusy();
if (busy) console.log('The machine is doing other work: ratios hold, elapsed times do not.\n');

// Sections post over TLS as deliveries do; every process of theirs trusts this certificate.
const scratch = mkdtempSync(join(tmpdir(), 'fanout-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const { key, cert } = selfSignedCertificate('localhost');
writeFileSync(join(scratch, 'key.pem'), key);
writeFileSync(join(scratch, 'cert.pem'), cert);

const finished: FinishedSection[] = [];
for (const name of names) {
  const section = await runSection(name);
  finished.push(section);
  console.log(printSection(section));
}

const out = values.out ?? (values.only !== undefined ? undefined : values.quick ? 'build/bench' : join('lab', 'bench'));
if (out !== undefined) {
  mkdirSync(out, { recursive: true });
  const findings = readFileSync(join(import.meta.dirname, 'findings.md'), 'utf8');
  const command = `npm run bench${values.quick ? ' -- --quick' : ''}`;
  const run = { startedAt, machine, isBusy: busy, command, sections: finished, findings };
  writeFileSync(join(out, 'RESULTS.md'), resultsMarkdown(run));
  console.log(`written: ${join(out, 'RESULTS.md')}\n`);
}
for (const { report } of finished) {
  if ('failed' in report) process.exitCode = 1;
  else for (const target of report.targets) console.log(targetLine(target));
}

async function runSection(name: string): Promise<FinishedSection> {
  const began = performance.now();
  const child = fork(join(import.meta.dirname, 'run-section.ts'), [name, values.quick ? 'quick' : 'full'], {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
    env: { ...process.env, TZ: 'UTC', BENCH_TLS_DIRECTORY: scratch, NODE_EXTRA_CA_CERTS: join(scratch, 'cert.pem') },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const stop = (): void => void child.kill();
  process.once('exit', stop);
  let report: SectionReport | undefined;
  const errors: string[] = [];
  child.on('message', (message) => {
    report = message as SectionReport;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  process.removeListener('exit', stop);
  const seconds = (performance.now() - began) / 1000;
  return { name, seconds, report: report ?? { failed: `ended with code ${code}\n${errors.join('').slice(-4000)}` } };
}
