import { parseArgs } from 'node:util';
import {
  type LegacyPhase,
  legacyPhaseAt,
  legacyPhases,
  publishedLegacyTimeline,
} from '../lambdas/domain/events/legacy-timeline.ts';
import { createMetricStore } from './aws/metrics/metric-store.ts';
import { parseDurationSeconds } from './duration.ts';
import { defaultDriftToken, type LocalStack, PortInUseError, startLocalStack } from './local-stack.ts';

const usage = `Runs the whole stack on this machine, from its synthesised template.

  npm start -- [options]

  --port 4400             of the HTTP API; 0: any free port
  --aws-port 4401         of the AWS endpoint; 0: any free port
  --allow-host NAME       of a tunnel that brings Drift's posts: lets POST /drift/events through, and nothing else
  --quiet-period 600s     until a conversation counts as inactive: 5s, 10m, 1h or seconds
  --legacy PHASE          ${legacyPhases.join(', ')}
  --drift-token TOKEN     default ${defaultDriftToken}
  --dashboard             also serves the CloudWatch dashboard, drawn from what happens here
  --json                  one line of JSON when ready, instead of prose
  --help`;

interface Flags {
  readonly port: number;
  readonly awsPort: number;
  readonly allowHosts: readonly string[];
  readonly quietPeriodSeconds: number;
  readonly legacy?: LegacyPhase;
  readonly driftToken: string;
  readonly dashboard: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** Something wrong in what was typed; the message names the flag. */
class FlagError extends Error {}

function readFlags(args: string[]): Flags {
  const { values } = parse(args);
  const quietPeriodSeconds = parseDurationSeconds(values['quiet-period']);
  if (quietPeriodSeconds === undefined || quietPeriodSeconds < 1 || quietPeriodSeconds > 24 * 3600) {
    throw new FlagError(`--quiet-period ${values['quiet-period']}: give 1s to 24h, as 5s, 10m, 1h or plain seconds`);
  }
  const legacy = legacyPhases.find((phase) => phase === values.legacy);
  if (values.legacy !== undefined && legacy === undefined) {
    throw new FlagError(`--legacy ${values.legacy}: give one of ${legacyPhases.join(', ')}`);
  }
  if (values['drift-token'] === '') throw new FlagError('--drift-token: give a token that is not empty');
  const port = readPort('--port', values.port);
  const awsPort = readPort('--aws-port', values['aws-port']);
  if (port === awsPort && port !== 0) throw new FlagError(`--port and --aws-port are both ${port}: give two ports`);
  return {
    port,
    awsPort,
    allowHosts: values['allow-host'].map(readHostName),
    quietPeriodSeconds,
    ...(legacy === undefined ? {} : { legacy }),
    driftToken: values['drift-token'],
    dashboard: values.dashboard,
    json: values.json,
    help: values.help,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string', default: '4400' },
        'aws-port': { type: 'string', default: '4401' },
        'allow-host': { type: 'string', multiple: true, default: [] },
        'quiet-period': { type: 'string', default: '600s' },
        legacy: { type: 'string' },
        'drift-token': { type: 'string', default: defaultDriftToken },
        dashboard: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    // Node's message goes on about positional arguments.
    throw new FlagError((error as Error).message.split(/[.\n]/, 1)[0]);
  }
}

function readPort(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new FlagError(`${flag} ${text}: give a port from 0 to 65535`);
}

function readHostName(text: string): string {
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text)) return text;
  throw new FlagError(`--allow-host ${text}: give the name alone, as x.tunnel.example`);
}

async function main(): Promise<void> {
  let flags: Flags;
  try {
    flags = readFlags(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    console.error(`${error.message} (--help lists the options)`);
    process.exitCode = 2;
    return;
  }
  if (flags.help) return console.log(usage);

  // Functions run in UTC in Lambda.
  process.env.TZ = 'UTC';
  const starting = startLocalStack({ ...flags, metrics: createMetricStore(), servesDashboard: flags.dashboard });
  stopOnSignals(starting);
  try {
    const stack = await starting;
    console.log(flags.json ? readyLine(stack) : greeting(stack, flags));
  } catch (error) {
    console.error(startError(error));
    process.exit(1);
  }
}

function stopOnSignals(starting: Promise<LocalStack>): void {
  let stack: LocalStack | undefined;
  let stopping = false;
  starting.then(
    (started) => {
      stack = started;
    },
    () => {},
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Who asks twice does not want to wait.
      if (stopping) process.exit(130);
      stopping = true;
      // Nothing has been made yet that anybody could miss.
      if (stack === undefined) process.exit(0);
      // Something that hangs must not keep the terminal.
      setTimeout(() => process.exit(1), 4_500).unref();
      stack.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

function startError(error: unknown): string {
  if (error instanceof PortInUseError) {
    const flag = error.which === 'port' ? '--port' : '--aws-port';
    return `port ${error.port} is in use: is another local run going? Choose another port with ${flag} (0: any free one)`;
  }
  return `could not start: ${(error as Error).message}`;
}

function readyLine({ api, aws, bus, tables }: LocalStack): string {
  return JSON.stringify({ ready: true, api, aws, bus, tables });
}

function greeting({ api, aws }: LocalStack, { driftToken, quietPeriodSeconds, legacy, dashboard }: Flags): string {
  const phase = legacy ?? legacyPhaseAt(Date.now(), publishedLegacyTimeline);
  return `The webhook fan-out on this machine, made from its synthesised template.

  Drift posts to   ${api}/drift/events   token: ${driftToken}
  management API   ${api}/v1             open here; deployed it takes signed requests (IAM)
  AWS endpoint     ${aws}                for aws --endpoint-url: dynamodb, events, sqs, lambda, secretsmanager, logs, cloudformation
  quiet period     ${quietPeriodSeconds} s; the legacy event is in its phase "${phase}"${dashboard ? `\n  dashboard        ${api}/dashboard` : ''}

Subscribers on private and loopback addresses are allowed here; deployed they are refused.
Send an event:

  curl -i ${api}/drift/events -H 'content-type: application/json' -d '{"orgId":1,"type":"conversation_status_updated","token":"${driftToken}","data":{"conversationId":123456789,"status":"closed","changedAt":${Date.now()}}}'

ready ${api}`;
}

await main();
