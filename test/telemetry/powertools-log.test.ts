import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { powertoolsLog } from '../../lambdas/telemetry/powertools-log.ts';

const own = '1-67e5e000-000000000000000000000001';
const other = '1-67e5e000-000000000000000000000002';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 12), toFake: ['Date'] });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

interface Written {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** Each write as it is made. */
function watchWrites(): Written[] {
  const written: Written[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((text) => written.push({ stream, text: String(text) }) > 0);
  }
  return written;
}

function logged(act: (log: ReturnType<typeof powertoolsLog>) => void): Record<string, unknown>[] {
  const written = watchWrites();
  act(powertoolsLog('deliver'));
  vi.restoreAllMocks();
  return written.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
}

test('a line is one write, on its way before anything else happens, and only information goes to standard output', () => {
  const written = watchWrites();
  const log = powertoolsLog('deliver');
  log.info('attempt');
  expect(written).toEqual([{ stream: 'stdout', text: expect.stringMatching(/^\{.*"attempt".*\}\n$/) }]);
  log.warn('slow');
  log.error('failed');
  expect(written.slice(1).map(({ stream }) => stream)).toEqual(['stderr', 'stderr']);
});

test('a line names its invocation, and whether that was the first of its function', async () => {
  vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'on-demand');
  const written = watchWrites();
  const log = powertoolsLog('deliver');
  const handler = middy(() => log.info('attempt', { webhookId: 'msg_1' })).use(log.middleware);
  for (const awsRequestId of ['one', 'two']) await handler({}, { awsRequestId, functionName: 'f' } as Context);
  vi.restoreAllMocks();
  const lines = written.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
  expect(lines).toEqual(
    ['one', 'two'].map((function_request_id, index) => ({
      level: 'INFO',
      message: 'attempt',
      timestamp: '2026-11-22T12:00:00.000Z',
      service: 'deliver',
      ...(index === 0 ? { cold_start: true } : {}),
      function_request_id,
      webhookId: 'msg_1',
    })),
  );
});

test('a line says when, how grave, and of which function', () => {
  expect(logged((log) => log.warn('slow', { seconds: 2, host: undefined }))).toEqual([
    { level: 'WARN', message: 'slow', timestamp: '2026-11-22T12:00:00.000Z', service: 'deliver', seconds: 2 },
  ]);
});

test('a line is of the trace that it names, or else of the invocation', () => {
  vi.stubEnv('_X_AMZN_TRACE_ID', `Root=${own};Sampled=1`);
  const lines = logged((log) => {
    log.info('attempt', { traceId: other, webhookId: 'msg_1' });
    log.info('waiting', { untried: 1 });
    log.error('nothing more');
  });
  expect(lines).toMatchObject([
    { message: 'attempt', webhookId: 'msg_1', xray_trace_id: other },
    { message: 'waiting', untried: 1, xray_trace_id: own },
    { message: 'nothing more', xray_trace_id: own },
  ]);
  expect(lines[0]).not.toHaveProperty('traceId');
});

test('a field cannot pass itself off as one of the line’s own', () => {
  const forged = { message: 'forged', level: 'ERROR', service: 'bank', function_request_id: 'forged' };
  const line = logged((log) => log.info('attempt', forged)).find(({ message }) => message === 'attempt');
  expect(line).toMatchObject({ level: 'INFO', service: 'deliver' });
  expect(line).not.toHaveProperty('function_request_id');
});

test('an error keeps its name, message, stack and causes, and nothing else that it holds', () => {
  const cause = Object.assign(new RangeError('too long'), { rawPacket: 'what the receiver answered' });
  const [line] = logged((log) => log.error('failed', { error: new TypeError('no such thing', { cause }) }));
  expect(line?.error).toEqual({
    name: 'TypeError',
    message: 'no such thing',
    stack: expect.stringContaining('powertools-log.test.ts'),
    cause: { name: 'RangeError', message: 'too long', stack: expect.any(String) },
  });
});

test('what cannot be printed does not fail what the line is about', () => {
  const circle: Record<string, unknown> = { inner: 1 };
  circle.self = circle;
  const lines = logged((log) => {
    log.error('circle', { circle });
    log.info('bigint', { id: 9007199254740993n });
  });
  expect(lines).toMatchObject([
    { level: 'ERROR', message: 'circle', circle: { inner: 1 } },
    { level: 'INFO', message: 'bigint', id: '9007199254740993' },
  ]);
});
