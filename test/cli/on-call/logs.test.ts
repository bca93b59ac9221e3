import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StackOnLoopback, startStack } from './stack-on-loopback.ts';

let stack: StackOnLoopback;
beforeEach(async () => {
  stack = await startStack();
  const group = (physicalId: string) => {
    stack.aws.logGroups.add(physicalId);
    return { type: 'AWS::Logs::LogGroup', physicalId };
  };
  stack.describe({
    IngestLogs4E0E28A6: group('group-of-ingest'),
    RoutesDeliveryLogs66F4A59C: group('deliveries'),
    ApiAccessLogsAB12CD34: group('/aws/vendedlogs/api'),
  });
});
afterEach(() => stack.stop());

const hour = 3_600_000;
/** The command's clock stands at 0, when all lines are from. */
function write(functionName: string, text: string, writtenAt = 0): void {
  stack.aws.logs.add({ functionName, requestId: 'r', stream: 'stdout', text, writtenAt });
}
const textsOf = async (...args: string[]): Promise<string[]> => {
  const { out } = await stack.fanout(['logs', ...args, '--json']);
  return JSON.parse(out).lines.map(({ text }: { text: string }) => text);
};

describe('of a function of the stack', () => {
  it('come oldest first, from an hour ago or the time that is given, without the lines that are metrics', async () => {
    write('ingest', 'old', -2 * hour);
    write('ingest', 'new', -1000);
    write('ingest', '{"_aws":{}}', -1000);
    expect(await textsOf('ingest')).toEqual(['new']);
    expect(await textsOf('ingest', '--since', '3h')).toEqual(['old', 'new']);
    const { out } = await stack.fanout(['logs', 'ingest']);
    expect(out).toBe('1969-12-31 23:59:59 ingest new\n');
  });

  it('are faults only where --errors says so, crashes and timeouts included', async () => {
    const faults = [
      '{"level":"ERROR","message":"could not publish"}',
      '2026-11-22T12:00:00Z\tundefined\tERROR\tUncaught Exception\t{"errorType":"ZodError"}',
      '2026-11-22T12:00:00Z\tr\tERROR\tInvoke Error\t{"errorType":"TypeError"}',
      '2026-11-22T12:00:00Z r Task timed out after 3.00 seconds',
      'RequestId: r Error: Runtime exited with error: signal: killed Runtime.ExitError',
      '{"type":"platform.report","record":{"status":"timeout"}}',
    ];
    for (const text of [...faults, '{"level":"INFO","message":"accepted","type":"ERROR"}']) write('ingest', text);
    expect(await textsOf('ingest', '--errors')).toEqual(faults);
  });

  it('are those with a text where --match says so, quotes and all', async () => {
    stack.aws.logGroups.write('/aws/vendedlogs/api', '{"status":"401","path":"/drift/events"}', 0);
    stack.aws.logGroups.write('/aws/vendedlogs/api', '{"status":"202","path":"/401"}', 0);
    expect(await textsOf('access', '--match', '"401"')).toHaveLength(1);
  });

  it('are the newest where there are more than are wanted, however many pages that takes', async () => {
    for (let n = 0; n < 10_500; n++) write('ingest', String(n), -20_000 + n);
    const run = await stack.fanout(['logs', 'ingest', '--limit', '2']);
    expect(run.out).toMatch(/ 10498\n.* 10499\n$/);
    expect(run.err).toBe('The newest 2 of 10500 lines; for more of them add --limit.\n');
  });

  it('are said to be none', async () => {
    const run = await stack.fanout(['logs', 'ingest']);
    expect(run).toMatchObject({ exitCode: 0, out: '' });
    expect(run.err).toMatch(/^No lines since /);
  });
});

it('a subscription has the lines of its own function, also of an environment that began yesterday', async () => {
  stack.aws.logGroups.write('deliveries', 'of another stream', 0);
  stack.aws.queues.create('fanout-local-crm', {});
  const queried = await stack.fanout(['logs', 'crm', '--json']);
  expect(JSON.parse(queried.out).lines).toEqual([]);
  expect(queried.err).toContain('No lines of the function fanout-local-crm');
  const asked = stack.aws.calls
    .filter(({ operation }) => operation === 'FilterLogEvents')
    .map(({ input }) => [input.logGroupName, input.logStreamNamePrefix]);
  expect(asked).toEqual([
    ['deliveries', '1969/12/30/fanout-local-crm['],
    ['deliveries', '1969/12/31/fanout-local-crm['],
    ['deliveries', '1970/01/01/fanout-local-crm['],
  ]);
});

it.each(['nope', 'sub_nope'])(
  'of %s, which is neither a function nor a subscription, there is nothing',
  async (name) => {
    const run = await stack.fanout(['logs', name]);
    expect(run).toMatchObject({ exitCode: 4, out: '' });
    expect(run.err).toContain(`has neither a function nor a subscription ${name}`);
  },
);

it('what cannot be a name is refused, and so is what the stack has not', async () => {
  expect(await stack.fanout(['logs', 'no such name'])).toMatchObject({ exitCode: 2 });
  const run = await stack.fanout(['logs', 'provision']);
  expect(run).toMatchObject({ exitCode: 4 });
  expect(run.err).toContain('has no log group RoutesProvisionLogs');
});

it('the version is that of the stack, beside that of the command line', async () => {
  stack.describe({}, { Version: 'v1.2-3-gabcdef0' });
  const { out } = await stack.fanout(['version', '--json']);
  expect(JSON.parse(out)).toMatchObject({ stack: 'webhook-fanout-local', deployed: 'v1.2-3-gabcdef0' });
  stack.describe({});
  expect((await stack.fanout(['version'])).out).toMatch(/^Deployed +not recorded/m);
});
