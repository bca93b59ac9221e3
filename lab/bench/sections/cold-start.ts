import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleLambdas, type LambdaName, lambdaFolders, lambdaNames } from '../../../infra/bundle-lambdas.ts';
import { coldFunctions } from '../cold-functions.ts';
import { times, withSpread } from '../figures.ts';
import { spreadOf } from '../paired-comparison.ts';
import { startReceiver } from '../receiver.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const work = join(root, 'build', 'bench-cold');
const largestBundleBytes = 500_000;
const limit = 1.25;

interface ColdStart {
  readonly totalMs: number;
  readonly loadMs: number;
  readonly answerMs: number;
  readonly cpuMs: number;
}

interface Measured {
  readonly name: LambdaName;
  readonly bytes: number;
  readonly emptyBytes: number;
  readonly pairs: readonly { readonly ours: ColdStart; readonly empty: ColdStart }[];
}

/** The bundles' sizes, and how long a fresh process takes to its first answer. */
export async function measureColdStart({ quick }: SectionOptions): Promise<SectionReport> {
  rmSync(work, { recursive: true, force: true });
  for (const name of lambdaNames) writeEmptyHandler(name);
  const sizes = await bundleLambdas(join(work, 'ours'));
  const emptySizes = await bundleLambdas(join(work, 'empty'), { sourceDirectory: join(work, 'source') });
  const receiver = await startReceiver('aws');
  const measuredNames: readonly LambdaName[] = quick ? ['ingest', 'deliver'] : lambdaNames;
  const measured: Measured[] = [];
  for (const name of measuredNames) {
    const start = (kind: string): Promise<ColdStart> =>
      coldStart(name, join(work, kind, name, 'index.mjs'), receiver.http);
    await start('ours');
    await start('empty');
    const pairs = [];
    for (let pair = 0; pair < (quick ? 6 : 25); pair++) {
      if (pair % 2 === 0) pairs.push({ ours: await start('ours'), empty: await start('empty') });
      else {
        const empty = await start('empty');
        pairs.push({ ours: await start('ours'), empty });
      }
    }
    measured.push({ name, bytes: sizes[name], emptyBytes: emptySizes[name], pairs });
  }
  receiver.stop();
  rmSync(work, { recursive: true, force: true });

  const largest = lambdaNames.reduce((one, other) => (sizes[other] > sizes[one] ? other : one));
  const slowest = measured.reduce((one, other) => (ratio(other).median > ratio(one).median ? other : one));
  return {
    title: 'Cold start',
    method:
      'Each bundle in a fresh process of plain Node: loaded, handed its first event, and timed up to its answer, from the start of the process. Against a bundle made in the same way of a handler that is empty but for the same SDK clients and the same calls for that event; both load `node:https`, as they must where they are deployed. A process that answers for AWS does so at once. What Lambda adds (sandbox, download) is the same for both and not in it. The ratio without Node counts from the import on: Node itself takes the same on both sides and makes the first ratio look better.',
    tables: [
      {
        head: [
          'function',
          'bundle, KB',
          'empty, KB',
          'first answer, ms',
          'empty, ms',
          'ratio',
          'ratio without Node',
          'ratio of CPU',
        ],
        rows: measured.map(({ name, bytes, emptyBytes, pairs }) => [
          name,
          (bytes / 1000).toFixed(0),
          (emptyBytes / 1000).toFixed(0),
          withSpread(spreadOf(pairs.map(({ ours }) => ours.totalMs)), 0),
          withSpread(spreadOf(pairs.map(({ empty }) => empty.totalMs)), 0),
          withSpread(spreadOf(pairs.map(({ ours, empty }) => ours.totalMs / empty.totalMs))),
          withSpread(spreadOf(pairs.map(({ ours, empty }) => sinceImport(ours) / sinceImport(empty)))),
          withSpread(spreadOf(pairs.map(({ ours, empty }) => ours.cpuMs / empty.cpuMs))),
        ]),
      },
      ...(quick
        ? [
            {
              caption: 'All bundles',
              head: ['function', 'KB'],
              rows: lambdaNames.map((name) => [name, (sizes[name] / 1000).toFixed(0)]),
            },
          ]
        : []),
    ],
    targets: [
      atMost(
        `cold start: the slowest function (${slowest.name}) against an empty handler`,
        limit,
        ratio(slowest).median,
        times,
      ),
      atMost(
        `cold start: the largest bundle (${largest})`,
        largestBundleBytes / 1000,
        sizes[largest] / 1000,
        (size) => `${size.toFixed(0)} KB`,
      ),
    ],
  };
}

function ratio({ pairs }: Measured) {
  return spreadOf(pairs.map(({ ours, empty }) => ours.totalMs / empty.totalMs));
}

function sinceImport({ loadMs, answerMs }: ColdStart): number {
  return loadMs + answerMs;
}

/** A handler with the clients that the function's index.ts makes, and nothing of ours. */
function writeEmptyHandler(name: LambdaName): void {
  const index = readFileSync(join(root, 'lambdas', lambdaFolders[name], 'index.ts'), 'utf8');
  const clients = [...index.matchAll(/import \{ (\w+)Client \} from '(@aws-sdk\/client-[\w-]+)'/g)].map(
    ([, service = '', packageName = '']) => ({ service, packageName }),
  );
  const { calls } = coldFunctions[name];
  const lines = [
    ...(calls.includes('request(')
      ? ["import { Agent, request } from 'node:http';", 'const agent = new Agent({ keepAlive: true });']
      : []),
    ...clients.flatMap(({ service, packageName }) => {
      const variable = variableOf(service);
      const commands = [...calls.matchAll(new RegExp(`${variable}Commands\\.(\\w+)`, 'g'))].map(
        ([, command = '']) => command,
      );
      return [
        `import { ${[`${service}Client`, ...new Set(commands)].join(', ')} } from '${packageName}';`,
        `const ${variable} = new ${service}Client();`,
      ];
    }),
    // Deployed, all clients speak TLS, and load this with their first request.
    "process.getBuiltinModule('node:https');",
    'export const handler = async (event) => {',
    calls.replaceAll(/\w+Commands\./g, ''),
    '  return { statusCode: 200, batchItemFailures: [] };',
    '};',
    // What it makes and does not use must not be shaken out of the bundle: ours makes it too.
    `export const kept = [${clients.map(({ service }) => variableOf(service)).join(', ')}];`,
  ];
  mkdirSync(join(work, 'source', lambdaFolders[name]), { recursive: true });
  writeFileSync(join(work, 'source', lambdaFolders[name], 'index.ts'), lines.join('\n'));
}

/** `DynamoDB` is `dynamoDb` in the calls, `SQS` is `sqs`. */
function variableOf(service: string): string {
  return service
    .replace(/^[A-Z]+(?![a-z])/, (head) => head.toLowerCase())
    .replace(/^[A-Z]/, (head) => head.toLowerCase())
    .replace('DB', 'Db');
}

async function coldStart(name: LambdaName, bundle: string, endpoint: string): Promise<ColdStart> {
  const { environment, event } = coldFunctions[name];
  const child = spawn(
    process.execPath,
    [join(root, 'lab', 'bench', 'cold-process.mjs'), bundle, JSON.stringify(event)],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: {
        AWS_REGION: 'eu-central-1',
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_ENDPOINT_URL: endpoint,
        AWS_LAMBDA_FUNCTION_NAME: name,
        POWERTOOLS_SERVICE_NAME: 'fanout-bench',
        ...environment,
      },
    },
  );
  const texts = ['', ''];
  for (const [index, stream] of [child.stdio[2], child.stdio[3]].entries()) {
    (stream as NodeJS.ReadableStream).setEncoding('utf8').on('data', (text: string) => (texts[index] += text));
  }
  await new Promise((resolve) => child.once('close', resolve));
  const [errors = '', written = ''] = texts;
  if (written === '') throw new Error(`${name} gave no answer: ${errors}`);
  const { answer, ...measured } = JSON.parse(written) as ColdStart & {
    answer?: { statusCode?: number; batchItemFailures?: unknown[] };
  };
  if ((answer?.statusCode ?? 200) >= 400 || (answer?.batchItemFailures?.length ?? 0) > 0) {
    throw new Error(`${name} failed: ${JSON.stringify(answer)} ${errors}`);
  }
  return measured;
}
