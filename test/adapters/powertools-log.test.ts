import { afterEach, expect, test, vi } from 'vitest';
import { powertoolsLog } from '../../lambdas/adapters/powertools-log.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function logged(traceHeader: string, act: (log: ReturnType<typeof powertoolsLog>) => void): Record<string, unknown>[] {
  vi.stubEnv('_X_AMZN_TRACE_ID', traceHeader);
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  act(powertoolsLog('deliver'));
  vi.mocked(process.stdout.write).mockRestore();
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const own = '1-67e5e000-000000000000000000000001';
const other = '1-67e5e000-000000000000000000000002';

test('a line is of the trace that it names, or else of the invocation', () => {
  const lines = logged(`Root=${own};Sampled=1`, (log) => {
    log.info('attempt', { traceId: other, webhookId: 'msg_1' });
    log.info('waiting', { untried: 1 });
    log.info('nothing more');
  });
  expect(lines).toMatchObject([
    { message: 'attempt', webhookId: 'msg_1', xray_trace_id: other, service: 'deliver' },
    { message: 'waiting', untried: 1, xray_trace_id: own },
    { message: 'nothing more', xray_trace_id: own },
  ]);
  expect(lines[0]).not.toHaveProperty('traceId');
});
