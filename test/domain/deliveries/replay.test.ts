import { describe, expect, it } from 'vitest';
import { anEnvelope } from '../../../lab/support/deliveries.ts';
import { replayedEnvelope } from '../../../lambdas/domain/deliveries/replay.ts';

describe('the message of a replay', () => {
  const stored = anEnvelope({ data: '{"id":9007199254740993}' });

  it('is the stored event to the last digit, with the name of the replay', () => {
    const message = replayedEnvelope(stored, 'R') ?? '';
    expect(message).toContain('"id":9007199254740993');
    expect(JSON.parse(message)).toMatchObject({ 'replay-name': 'R', detail: { id: 'msg_1' } });
    expect(replayedEnvelope('[]', 'R')).toBeUndefined();
  });

  it('sends what was delivered only where that is asked for now, not where an earlier resend did', () => {
    const resent = replayedEnvelope(stored, 'A', { replaysDelivered: true, isResend: true }) ?? '';
    expect(JSON.parse(resent)).toMatchObject({ 'replay-name': 'A', 'replay-delivered': true, resend: true });
    const replayed = JSON.parse(replayedEnvelope(resent, 'R') ?? '');
    expect(replayed).not.toHaveProperty('replay-delivered');
    expect(replayed).not.toHaveProperty('resend');
  });
});
