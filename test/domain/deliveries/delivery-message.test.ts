import { describe, expect, it } from 'vitest';
import { broadcastsOf } from '../../../lab/support/drift-events.ts';
import { anEnvelope } from '../../../lab/support/sqs-events.ts';
import {
  type DeliveryMessage,
  deliveryBody,
  parseMessage,
} from '../../../lambdas/domain/deliveries/delivery-message.ts';
import { webhookRequest } from '../../../lambdas/domain/deliveries/webhook-request.ts';
import { queueSafeJson } from '../../../lambdas/json/queue-safe-json.ts';

const parse = (body: string) => parseMessage({ messageId: 'm', receiptHandle: 'h', body, sentAt: 7 });
const read = (body: string) => {
  const parsed = parse(body);
  if (parsed.kind === 'malformed') throw new Error(parsed.reason);
  return parsed.message;
};

const headersOf = (message: DeliveryMessage) =>
  webhookRequest(message, { url: 'https://a.example/', headers: {}, secrets: [] }, 0).headers;

describe('a message of the queue', () => {
  it('becomes a body of orgId, type and data, with every number and key as they are written', () => {
    const data = '{"z":9007199254740993,"a":[1.50,-0,1e400],"text":"Zoë \\"}{][,:","__proto__":{"\\n":1.0}}';
    const envelope = `{"version":"0","detail":{"id":"msg_1","last":null,"type":"a \\"b\\"","orgId":1.0,"data":${data}}}`;
    expect(deliveryBody(read(envelope))).toBe(`{"orgId":1.0,"type":"a \\"b\\"","data":${data}}`);
  });

  it.each(['\uffff', '\ufffe', '\ud83d', '\u241b', '\u0000'])(
    'becomes what Drift sent where a text holds %j, which SQS may not take',
    (character) => {
      const event = { orgId: '1', type: 'new_message', data: { body: `a${character}`, [character]: 1 } };
      const [broadcast] = broadcastsOf(event);
      if (broadcast === undefined) throw new Error('nothing was broadcast');
      const body = queueSafeJson(JSON.stringify(anEnvelope(broadcast)));
      expect(JSON.parse(deliveryBody(read(body)))).toEqual({ ...event, orgId: 1 });
      expect(read(body).body).toBe(body);
    },
  );

  it('is about no organisation where it names none, and occurred when it was sent where it does not say', () => {
    const message = read('{"detail":{"id":"1","type":"t","data":null,"occurredAt":"5"}}');
    expect(deliveryBody(message)).toBe('{"orgId":null,"type":"t","data":null}');
    expect(message.occurredAt).toBe(7);
    expect(read('{"detail":{"id":"1","type":"t","data":1,"occurredAt":5.0}}').occurredAt).toBe(5);
  });

  it('of a test has the example that it sends as its body, and says that it is a test', () => {
    const example = { orgId: 1, type: 'new_message', data: { id: 9007199254740991 } };
    const body = (source: string, type = 'webhook_test') =>
      JSON.stringify({
        source,
        detail: { id: 'msg_1', orgId: null, type, data: { subscriptionId: 'sub_1', example } },
      });
    const test = read(body('webhook-fanout'));
    expect(deliveryBody(test)).toBe(JSON.stringify(example));
    expect(test.eventType).toBe('webhook_test');
    expect(headersOf(test)['webhook-test']).toBe('true');
    // What Drift sends is never taken for a test.
    for (const other of [read(body('drift')), read(body('webhook-fanout', 'webhook_delivery_exhausted'))]) {
      expect(JSON.parse(deliveryBody(other)).data).toEqual({ subscriptionId: 'sub_1', example });
      expect(headersOf(other)).not.toHaveProperty('webhook-test');
    }
  });

  it.each([
    ['', 'no JSON object'],
    ['[]', 'no JSON object'],
    ['{"detail":', 'no JSON object'],
    [`{"detail":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'no JSON object'],
    ['{"a":{"detail":{}}}', 'detail is missing'],
    ['{"detail":{"a":1},"detail":[]}', 'detail is missing'],
    ['{"detail":{"type":"t","data":1}}', 'detail.id'],
    ['{"detail":{"id":"","type":"t","data":1}}', 'detail.id'],
    [`{"detail":{"id":"${'x'.repeat(3_000)}","type":"t","data":1}}`, 'visible ASCII'],
    ['{"detail":{"id":"a\\r\\nX-Forged: 1","type":"t","data":1}}', 'visible ASCII'],
    ['{"detail":{"id":"msg ü","type":"t","data":1}}', 'visible ASCII'],
    ['{"detail":{"id":"1","type":"t","data":1,"occurredAt":8640000000000001}}', 'no time'],
    ['{"detail":{"id":"1","type":5,"data":1}}', 'detail.type'],
    ['{"detail":{"id":"1","type":"t"}}', 'detail.data'],
  ])('is malformed where it is %.60s', (body, reason) => {
    expect(parse(body)).toMatchObject({ kind: 'malformed', reason: expect.stringContaining(reason) });
  });
});
