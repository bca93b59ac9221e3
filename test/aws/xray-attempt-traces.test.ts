import { PutTraceSegmentsCommand, XRayClient } from '@aws-sdk/client-xray';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it, test } from 'vitest';
import { RecordedLog } from '../../lab/support/in-memory/telemetry.ts';
import { xrayAttemptTraces } from '../../lambdas/aws/xray-attempt-traces.ts';
import type { TracedAttempt } from '../../lambdas/deliver/ports.ts';

const xray = mockClient(XRayClient);
const log = new RecordedLog();
let digits = 0;
const traces = xrayAttemptTraces({
  client: new XRayClient(),
  randomHex: (bytes) => String(++digits).padStart(bytes * 2, '0'),
  log,
});

const traceId = '1-5759e988-bd862e3fe1be46a994272793';

function anAttempt(attempt: Partial<TracedAttempt> = {}): TracedAttempt {
  return {
    traceHeader: `Root=${traceId};Parent=53995c3f42cd8ad8;Sampled=1`,
    subscriptionId: 'crm',
    webhookId: 'msg_1',
    eventType: 'new_message',
    attempt: 2,
    host: 'crm.example.com:8443',
    startedAt: 1_600_000_000_500,
    result: { kind: 'answered', status: 204, headers: {}, responseHead: '', durationMs: 250 },
    ...attempt,
  };
}

const documents = (): Record<string, unknown>[] =>
  xray
    .commandCalls(PutTraceSegmentsCommand)
    .flatMap(({ args }) => (args[0].input.TraceSegmentDocuments ?? []).map((text) => JSON.parse(text)));

beforeEach(() => {
  xray.reset();
  xray.on(PutTraceSegmentsCommand).resolves({});
  log.lines.length = 0;
  digits = 0;
});

it("puts each attempt into its message's own trace, under what the message came from", async () => {
  await traces.record([anAttempt()]);
  expect(documents()).toEqual([
    {
      trace_id: traceId,
      parent_id: '53995c3f42cd8ad8',
      id: '0000000000000001',
      name: 'deliver crm',
      start_time: 1_600_000_000.5,
      end_time: 1_600_000_000.75,
      annotations: { subscriptionId: 'crm', webhookId: 'msg_1', eventType: 'new_message', attempt: 2 },
      subsegments: [
        {
          id: '0000000000000002',
          name: 'crm.example.com:8443',
          namespace: 'remote',
          start_time: 1_600_000_000.5,
          end_time: 1_600_000_000.75,
          http: { request: { method: 'POST', url: 'https://crm.example.com:8443/' }, response: { status: 204 } },
        },
      ],
    },
  ]);
});

test.each([
  [404, { error: true }],
  [429, { error: true, throttle: true }],
  [503, { fault: true }],
])('an answer of %d is marked as X-Ray knows it', async (status, flags) => {
  await traces.record([
    anAttempt({ result: { kind: 'answered', status, headers: {}, responseHead: '', durationMs: 1 } }),
  ]);
  expect(documents()).toMatchObject([{ ...flags, subsegments: [flags] }]);
});

it('says why there was no answer', async () => {
  await traces.record([
    anAttempt({ result: { kind: 'failed', errorClass: 'connect', message: 'ECONNREFUSED', durationMs: 1 } }),
  ]);
  expect(documents()).toMatchObject([
    { fault: true, subsegments: [{ cause: { exceptions: [{ type: 'connect', message: 'ECONNREFUSED' }] } }] },
  ]);
});

it('makes no call for traces that X-Ray does not keep', async () => {
  await traces.record([
    anAttempt({ traceHeader: `Root=${traceId};Sampled=0` }),
    anAttempt({ traceHeader: `Root=${traceId}` }),
    anAttempt({ traceHeader: 'nonsense' }),
  ]);
  expect(xray.commandCalls(PutTraceSegmentsCommand)).toHaveLength(0);
});

it('gives nodes names that X-Ray takes', async () => {
  await traces.record([anAttempt({ subscriptionId: `<crm>"${'x'.repeat(300)}` })]);
  const [document] = documents();
  expect(document?.name).toMatch(/^deliver _crm__x{186}$/);
});

it('never holds up a delivery', async () => {
  xray.on(PutTraceSegmentsCommand).rejects(new Error('AccessDenied'));
  await traces.record([anAttempt()]);
  xray.on(PutTraceSegmentsCommand).resolves({ UnprocessedTraceSegments: [{ ErrorCode: 'ParseError' }] });
  await traces.record([anAttempt()]);
  expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
    ['warn', 'could not write traces'],
    ['warn', 'X-Ray refused segments'],
  ]);
});
