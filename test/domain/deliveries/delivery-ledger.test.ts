import { describe, expect, it } from 'vitest';
import { aRecord, noon } from '../../../lab/support/deliveries.ts';
import { answered, unreachable } from '../../../lab/support/in-memory/delivery-world.ts';
import {
  attemptsSoFar,
  type DeliveryRecord,
  recordAfter,
  recordInLedger,
} from '../../../lambdas/domain/deliveries/delivery-ledger.ts';

const subject = {
  subscriptionId: 'sub_1',
  webhookId: 'msg_1',
  eventType: 'conversation_push',
  occurredAt: noon,
  event: '{"detail":{}}',
  messageId: 'sqs-1',
  sentAt: noon,
};
const retrying = (nextAttemptAt: number) => ({ state: 'retrying', nextAttemptAt }) as const;

describe('the ledger item', () => {
  it('tells the whole story of an event that took three attempts', () => {
    const first = recordAfter(subject, undefined, unreachable(), retrying(noon + 5), noon);
    const second = recordAfter(subject, first, answered(503, {}, 'busy'), retrying(noon + 50), noon + 10);
    const third = recordAfter(subject, second, answered(200, {}, 'thanks'), { state: 'delivered' }, noon + 60);
    expect(first).toMatchObject({ lastError: 'connect', lastErrorMessage: 'ECONNREFUSED', messageId: 'sqs-1' });
    expect(second).toMatchObject({ attempts: 2, lastStatus: 503, responseHead: 'busy', undeliveredAt: noon });
    expect(second).not.toHaveProperty('lastError');
    expect(third).toEqual({
      subscriptionId: 'sub_1',
      webhookId: 'msg_1',
      eventType: 'conversation_push',
      occurredAt: noon,
      state: 'delivered',
      attempts: 3,
      firstAttemptAt: noon,
      lastAttemptAt: noon + 60,
      lastStatus: 200,
      responseHead: 'thanks',
      durationMs: 12,
      history: [
        { at: noon, durationMs: 3, error: 'connect' },
        { at: noon + 10, durationMs: 12, status: 503 },
        { at: noon + 60, durationMs: 12, status: 200 },
      ],
      ttl: Math.floor((noon + 60) / 1000) + 30 * 24 * 3600,
    });
  });

  it.each([
    [200, 256],
    [299, 256],
    [302, 4096],
    [410, 4096],
    [500, 4096],
  ])('of an answer with status %i has %i bytes at most, and no half character', (status, bytes) => {
    const page = (text: string) =>
      recordAfter(subject, undefined, answered(status, {}, text), { state: 'delivered' }, noon).responseHead ?? '';
    expect(page('x'.repeat(5000))).toBe('x'.repeat(bytes));
    // Bytes that are no text become three bytes each.
    expect(Buffer.byteLength(page('\ufffd'.repeat(4096)))).toBe(bytes - (bytes % 3));
    expect(page(`${'x'.repeat(bytes - 1)}😀`)).toBe('x'.repeat(bytes - 1));
    expect(page('thanks')).toBe('thanks');
  });

  it('keeps the event, and is in the index of what is undelivered, exactly as long as it is not delivered', () => {
    const verdicts = [retrying(1), { state: 'exhausted', reason: 'r' }, { state: 'discarded', reason: 'r' }] as const;
    for (const verdict of verdicts) {
      expect(recordAfter(subject, undefined, answered(500), verdict, noon)).toMatchObject({
        event: subject.event,
        undeliveredAt: noon,
      });
    }
    const delivered = recordAfter(
      subject,
      aRecord({ event: 'x', undeliveredAt: 1 }),
      answered(200),
      { state: 'delivered' },
      noon,
    );
    expect(delivered).not.toHaveProperty('event');
    expect(delivered).not.toHaveProperty('undeliveredAt');
  });

  it('keeps what its last attempt said when it expires without another', () => {
    const failed = recordAfter(subject, undefined, answered(500, {}, 'oops'), retrying(noon + 5), noon);
    const expired = recordAfter(subject, failed, undefined, { state: 'exhausted', reason: 'expired' }, noon + 99);
    expect(expired).toMatchObject({ attempts: 1, lastStatus: 500, lastAttemptAt: noon, reason: 'expired' });
    expect(expired).not.toHaveProperty('nextAttemptAt');
  });

  it('does not grow without end when an event is replayed again and again', () => {
    let record: DeliveryRecord | undefined;
    for (let count = 0; count < 100; count++) {
      record = recordAfter(
        { ...subject, replayName: `replay-${count}` },
        record,
        answered(500),
        retrying(noon),
        noon + count,
      );
    }
    expect(record?.history).toHaveLength(20);
    expect(record?.history.at(-1)?.at).toBe(noon + 99);
  });

  it('counts attempts anew for a new replay of what had its end, and on while it is still being retried', () => {
    const exhausted = aRecord({ state: 'exhausted', attempts: 16 });
    expect(attemptsSoFar({ ...subject, replayName: 'replay-1' }, exhausted)).toBe(0);
    expect(attemptsSoFar({ ...subject, replayName: 'replay-1' }, aRecord({ attempts: 3 }))).toBe(3);
    expect(attemptsSoFar(subject, undefined)).toBe(0);
  });
});

describe('a resend that the ledger carries on', () => {
  const event = '{"detail":{"id":9223372036854775807},"replay-name":"by-hand","resend":true}';
  const resend = { ...subject, event, replayName: 'by-hand', isResent: true, sentAt: noon + 20 };
  const retry = '{"detail":{"id":9223372036854775807}}';
  const first = recordAfter(subject, undefined, answered(503), retrying(noon + 600_000), noon + 10);

  it('is an ordinary retry once it was tried: sent anew, it overrules no throttle and belongs to no resend', () => {
    const tried = recordAfter(resend, first, answered(503), retrying(noon + 900_000), noon + 30);
    expect(tried.event).toBe(retry);
    expect(recordInLedger(resend, tried, false, noon + 40).event).toBe(retry);
  });

  it('belongs to the resend where that has begun it', () => {
    const begun = recordAfter(resend, undefined, answered(503), retrying(noon + 900_000), noon + 30);
    expect(begun).toMatchObject({
      replayName: 'by-hand',
      event: '{"detail":{"id":9223372036854775807},"replay-name":"by-hand"}',
    });
  });

  it('is still a resend where it was not tried yet', () => {
    expect(recordInLedger(resend, first, false, noon + 40).event).toBe(event);
    expect(recordInLedger(resend, undefined, false, noon + 40).event).toBe(event);
  });
});
