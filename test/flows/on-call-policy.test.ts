import { readFileSync } from 'node:fs';
import { DisableRuleCommand } from '@aws-sdk/client-eventbridge';
import {
  GetAccountSettingsCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { localAwsClients } from '../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { createMetricStore } from '../../local/aws/metrics/metric-store.ts';
import type { AuthorizationRequest } from '../../local/aws/wire/http-server.ts';
import { type LocalStack, startLocalStack } from '../../local/local-stack.ts';
import { commandsIn, runCommand } from '../cli/command-run.ts';

// The policy of docs/permissions.md is what whoever is on call may do, on the local run, which enforces it.

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

const docs = readFileSync(new URL('../../docs/permissions.md', import.meta.url), 'utf8');
const text = /## Who is on call[\s\S]*?```json\n([\s\S]*?)```/.exec(docs)?.[1] ?? '';
const policy = JSON.parse(text.replaceAll('prod', 'local').replaceAll('<api id>', '*')) as {
  readonly Statement: readonly Statement[];
};
const actions = policy.Statement.flatMap(({ Action }) => Action);

function without(action: string): object {
  return {
    ...policy,
    Statement: policy.Statement.map((statement) => ({
      ...statement,
      Action: [statement.Action].flat().filter((one) => one !== action),
    })).filter(({ Action }) => Action.length > 0),
  };
}

let stack: LocalStack;
let aws: ReturnType<typeof localAwsClients>;
let subscriber: Subscriber;
let id: string;
const called: AuthorizationRequest[] = [];
let keys = 0;

beforeAll(async () => {
  const metrics = createMetricStore();
  stack = await startLocalStack({ metrics, servesDashboard: false, onNotice: () => {}, onCall: (c) => called.push(c) });
  aws = localAwsClients(stack.aws);
  subscriber = await Subscriber.start();
  const made = await runCommand(
    ['subscriptions', 'create', subscriber.url, '--events', 'new_meeting', '--wait', '--json'],
    {
      env: { FANOUT_API: stack.api },
      onSleep: pause,
    },
  );
  id = JSON.parse(made.out).subscriptionId;
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  await subscriber?.stop();
  await stack?.stop();
});

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 100));

/** A command as an operator with this policy runs it: the SDK takes credentials from the process. */
async function asOperator(allowed: object, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const accessKeyId = `AKIAONCALL${++keys}`;
  stack.permissions.addPerson(accessKeyId, allowed);
  const operator = {
    AWS_ENDPOINT_URL: stack.aws,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'any',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_PROFILE: undefined,
  };
  for (const [name, value] of Object.entries(operator)) vi.stubEnv(name, value);
  return runCommand([...args, '--stack', 'webhook-fanout-local'], { env, onSleep: pause });
}

const queue = (name: string) => {
  const found = stack.queues.list().find((one) => one.name.includes(name));
  if (found === undefined) throw new Error(`no queue ${name}`);
  return found;
};
const own = (suffix = '') => stack.queues.get(`fanout-local-${id}${suffix}`);
const functionNamed = (part: string) => stack.functions.list().find(({ name }) => name.includes(part))?.name ?? '';

/** A mapping takes a moment from one state to the next, and takes no change meanwhile. */
async function switchOffMapping(): Promise<void> {
  for (;;) {
    const { EventSourceMappings = [] } = await aws.lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: functionNamed('RecordEvents') }),
    );
    const [mapping] = EventSourceMappings;
    if (mapping?.State === 'Disabled') return;
    if (mapping?.State === 'Enabled') {
      await aws.lambda.send(new UpdateEventSourceMappingCommand({ UUID: mapping.UUID, Enabled: false }));
    }
    await pause();
  }
}

const stop = (FunctionName: string) =>
  aws.lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));

/** A message that no delivery function reads: the mapping lets none but Drift's through. */
const letter = { body: '{"no":"event"}' };

interface Step {
  readonly name: string;
  /** What must be so before it. */
  readonly prepare?: () => unknown;
  readonly args: () => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

let messageId = '';
const steps: readonly Step[] = [
  { name: 'version', args: () => ['version'] },
  { name: 'alarms', args: () => ['alarms'] },
  { name: 'logs', args: () => ['logs', 'ingest', '--errors'] },
  { name: 'logs access', args: () => ['logs', 'access'] },
  { name: 'logs of a subscriber', args: () => ['logs', id] },
  {
    name: 'health --repair of a rule, a mapping and a function',
    async prepare() {
      const Name = stack.buses.listRules().find(({ name }) => name.includes('RoutesEveryMinute'))?.name;
      await aws.eventBridge.send(new DisableRuleCommand({ Name }));
      await switchOffMapping();
      await stop(functionNamed('RecordEvents'));
    },
    args: () => ['health', '--repair'],
  },
  { name: 'reconcile', args: () => ['reconcile', '--wait'] },
  { name: 'subscriptions health', args: () => ['subscriptions', 'health'] },
  {
    name: 'dead-letters list',
    prepare: () => queue('ActivityDeadLetters').send(letter),
    args: () => ['dead-letters', 'list'],
  },
  { name: 'dead-letters show', prepare: () => own('-dlq').send(letter), args: () => ['dead-letters', 'show', id] },
  {
    name: 'dead-letters put-back',
    prepare: () => queue('ActivityDeadLetters').send(letter),
    args: () => ['dead-letters', 'put-back', 'activity'],
  },
  {
    name: 'dead-letters put-back of a subscriber',
    prepare: () => own('-dlq').send(letter),
    args: () => ['dead-letters', 'put-back', id],
  },
  {
    name: 'dead-letters drop',
    prepare: () => {
      ({ messageId } = own('-dlq').send(letter));
    },
    args: () => ['dead-letters', 'drop', id, messageId, '--yes'],
  },
  // A queue can be emptied once a minute.
  { name: 'dead-letters drop --all', args: () => ['dead-letters', 'drop', 'timers', '--all', '--yes'] },
  { name: 'drift-token set', args: () => ['drift-token', 'set'], env: { DRIFT_TOKEN: 'local-drift-token' } },
  { name: 'subscriptions list', args: () => ['subscriptions', 'list'] },
  { name: 'subscriptions test', args: () => ['subscriptions', 'test', id] },
  { name: 'events list', args: () => ['events', 'list'] },
];
/** Exit codes of a command that was carried out, whatever its answer. */
const carriedOut = [0, 7];

const usedBy = new Map<string, Step>();

test.each(steps)('with the policy: $name', async (step) => {
  await step.prepare?.();
  const before = stack.permissions.used().length;
  const run = await asOperator(policy, step.args(), step.env);
  expect(run.err).not.toMatch(/not authorized|not allowed|not accepted/);
  expect(carriedOut).toContain(run.exitCode);
  for (const { policy: name, action } of stack.permissions.used().slice(before)) {
    if (name.startsWith('AKIAONCALL') && !usedBy.has(action)) usedBy.set(action, step);
  }
});

test('every command that speaks to AWS itself is among them', async () => {
  const asksAws = ['alarms', 'dead-letters', 'drift-token', 'health', 'logs', 'reconcile', 'version'];
  const all: string[] = [];
  for (const name of asksAws) {
    const inner = await commandsIn([name]);
    all.push(...(inner.length === 0 ? [name] : inner.map((command) => `${name} ${command}`)));
  }
  const tried = steps.map(({ args }) => args().join(' '));
  expect(all.filter((command) => !tried.some((args) => args.startsWith(command)))).toEqual([]);
});

/** What a line of the runbook calls by AWS's own command line. */
const byAwsAlone = ['lambda:GetAccountSettings'];

test.each(actions.filter((action) => !byAwsAlone.includes(action)))('without %s something fails', async (action) => {
  const step = usedBy.get(action);
  if (step === undefined) throw new Error(`no command needs ${action}`);
  await step.prepare?.();
  const run = await asOperator(without(action), step.args(), step.env);
  expect({ step: step.name, exitCode: run.exitCode, err: run.err }).toMatchObject({ exitCode: 5 });
});

test('the lines of AWS’s own command line need what they name', async () => {
  const client = (accessKeyId: string) =>
    new LambdaClient({
      endpoint: stack.aws,
      region: 'us-east-1',
      credentials: { accessKeyId, secretAccessKey: 'any' },
    });
  stack.permissions.addPerson('AKIAWITH', policy);
  stack.permissions.addPerson('AKIAWITHOUT', without('lambda:GetAccountSettings'));
  await client('AKIAWITH').send(new GetAccountSettingsCommand({}));
  await expect(client('AKIAWITHOUT').send(new GetAccountSettingsCommand({}))).rejects.toThrow('not authorized');
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
  expect(runbook).toContain('aws lambda get-account-settings');
});
