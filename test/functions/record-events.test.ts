import { describe, expect, it } from 'vitest';
import { InMemoryEventHistory } from '../../lab/support/in-memory/event-history.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { aLambdaContext, anSqsEvent, anSqsRecord } from '../../lab/support/sqs-events.ts';
import { queueSafeJson } from '../../lambdas/json/queue-safe-json.ts';
import { createRecordEventsHandler } from '../../lambdas/record-events/handler.ts';

const envelope = (id: string, more: object = {}) =>
  JSON.stringify({
    source: 'drift',
    'detail-type': 'new_message',
    detail: { id, orgId: 1, type: 'new_message', data: { conversationId: 7 }, occurredAt: 5, ...more },
  });

function aRecorder() {
  const history = new InMemoryEventHistory();
  const log = new RecordedLog();
  const handler = createRecordEventsHandler({
    recorder: history,
    historyDays: 14,
    metrics: new RecordedMetrics(),
    log,
  });
  return { history, handle: (...bodies: string[]) => handler(eventOf(bodies), aLambdaContext()) };
}

function eventOf(bodies: readonly string[]) {
  return anSqsEvent(...bodies.map((body, index) => anSqsRecord(body, { messageId: `m${index}` })));
}

describe('what is published', () => {
  it('is recorded once, with what lists show and the envelope as it came', async () => {
    const { history, handle } = aRecorder();
    await handle(envelope('msg_1'), envelope('msg_2', { causedBy: 'msg_1', cause: 'new_message' }), envelope('msg_1'));
    expect([...history.events.keys()]).toEqual(['msg_1', 'msg_2']);
    expect(history.events.get('msg_2')).toMatchObject({
      type: 'new_message',
      source: 'drift',
      orgId: '1',
      conversationId: '7',
      occurredAt: 5,
      causedBy: 'msg_1',
      event: envelope('msg_2', { causedBy: 'msg_1', cause: 'new_message' }),
    });
  });

  it('has its type as Drift named it, also with the mark by which queues carry every character', async () => {
    const { history, handle } = aRecorder();
    await handle(queueSafeJson(envelope('msg_1', { type: 'odd\u241btype' })));
    expect(history.events.get('msg_1')).toMatchObject({ type: 'odd\u241btype' });
  });

  it('is kept out by nothing beside it: only the message that is no event comes again', async () => {
    const { history, handle } = aRecorder();
    const response = await handle('no JSON', envelope('msg_1'));
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
    expect([...history.events.keys()]).toEqual(['msg_1']);
  });
});
