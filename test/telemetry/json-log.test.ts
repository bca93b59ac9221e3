import { afterEach, expect, test, vi } from 'vitest';
import { jsonLog } from '../../lambdas/telemetry/json-log.ts';
import { flushLines } from '../../lambdas/telemetry/standard-output.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const own = '1-67e5e000-000000000000000000000001';
const other = '1-67e5e000-000000000000000000000002';
const noon = Date.UTC(2026, 10, 22, 12);

function logged(act: (log: ReturnType<typeof jsonLog>) => void, environment = {}): Record<string, unknown>[] {
  const written: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  }
  act(jsonLog({ service: 'deliver', clock: () => noon, environment }));
  flushLines();
  vi.restoreAllMocks();
  const lines = written.join('').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line says when, how grave, and of which function', () => {
  expect(logged((log) => log.warn('slow', { seconds: 2, host: undefined }))).toEqual([
    { level: 'WARN', message: 'slow', timestamp: '2026-11-22T12:00:00.000Z', service: 'deliver', seconds: 2 },
  ]);
});

test('a line is of the trace that it names, or else of the invocation', () => {
  const lines = logged(
    (log) => {
      log.info('attempt', { traceId: other, webhookId: 'msg_1' });
      log.info('waiting', { untried: 1 });
      log.error('nothing more');
    },
    { _X_AMZN_TRACE_ID: `Root=${own};Sampled=1` },
  );
  expect(lines).toMatchObject([
    { message: 'attempt', webhookId: 'msg_1', xray_trace_id: other },
    { message: 'waiting', untried: 1, xray_trace_id: own },
    { message: 'nothing more', xray_trace_id: own },
  ]);
  expect(lines[0]).not.toHaveProperty('traceId');
});

test('a field cannot pass itself off as one of the line’s own', () => {
  const [line] = logged((log) => log.info('attempt', { message: 'forged', level: 'ERROR', service: 'bank' }));
  expect(line).toMatchObject({ message: 'attempt', level: 'INFO', service: 'deliver' });
});

test('an error keeps its name, message and stack', () => {
  const [line] = logged((log) => log.error('failed', { error: new TypeError('no such thing') }));
  expect(line?.error).toMatchObject({ name: 'TypeError', message: 'no such thing', stack: expect.any(String) });
});

test('what cannot be printed does not fail what the line is about', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const lines = logged((log) => {
    log.error('circle', { circle });
    log.info('bigint', { id: 9007199254740993n });
  });
  expect(lines).toMatchObject([
    { level: 'ERROR', message: 'circle', unprintable: expect.stringContaining('circular') },
    { level: 'INFO', message: 'bigint', unprintable: expect.stringContaining('BigInt') },
  ]);
});
