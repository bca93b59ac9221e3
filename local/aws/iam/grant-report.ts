import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Grant } from './evaluate-access.ts';
import { grantKey } from './grant-ledger.ts';

/**
 * Names the environment variable with a folder where each local run that ends leaves a report of the grants that it
 * used; unset: no report. So several runs, and those that tests start, can be added up.
 */
export const grantReportDirectoryVariable = 'LOCAL_GRANT_REPORTS';

export interface GrantUse {
  readonly grant: Grant;
  /** In how many runs. */
  readonly usedIn: number;
}

interface Report {
  readonly granted: readonly Grant[];
  readonly used: readonly Grant[];
}

export function writeGrantReport(directory: string, granted: readonly Grant[], used: readonly Grant[]): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${randomUUID()}.json`), JSON.stringify({ granted, used } satisfies Report));
}

/** Every grant of the template and in how many of the runs it was used, in the order of the template. */
export function readGrantReports(directory: string): { readonly runs: number; readonly uses: readonly GrantUse[] } {
  const reports = readdirSync(directory).map((name) => readReport(join(directory, name)));
  const granted = new Map(reports.flatMap((report) => report.granted.map((grant) => [grantKey(grant), grant])));
  const used = reports.map((report) => new Set(report.used.map(grantKey)));
  const uses = [...granted].map(([key, grant]) => ({ grant, usedIn: used.filter((keys) => keys.has(key)).length }));
  return { runs: reports.length, uses };
}

/** A stream is named after the instant at which it was made: in a report it is the stream of its table. */
function readReport(file: string): Report {
  const { granted, used } = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const stable = (grant: Grant): Grant => ({ ...grant, resource: grant.resource.replace(/(\/stream\/)[^/]+$/, '$1…') });
  return { granted: granted.map(stable), used: used.map(stable) };
}
