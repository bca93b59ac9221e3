import { describe, expect, it } from 'vitest';
import { aMessageToDeliver, aRecord, aSubscriber, noon } from '../../../lab/support/deliveries.ts';
import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import { deliveryPlanner } from '../../../lambdas/domain/deliveries/delivery-plan.ts';

describe('a message that is received though the circuit is open', () => {
  const planWithProbeAt = (probeAt: number) => {
    const circuit = { state: 'open', reason: 'failing', since: noon - 60_000, probeAt, probes: 0 } as const;
    const planOf = deliveryPlanner(aSubscriber({ state: { circuit } }), { now: noon, random: () => 0, isProbe: false });
    return planOf(aMessageToDeliver(), undefined);
  };

  it('waits for the probe', () => {
    expect(planWithProbeAt(noon + 30_000)).toEqual({ kind: 'postpone', reason: 'circuit-open', until: noon + 30_000 });
  });

  it('waits for minutes where the probe is overdue, or hours of that would be a thousand receives', () => {
    expect(planWithProbeAt(noon - 1)).toEqual({ kind: 'postpone', reason: 'circuit-open', until: noon + 120_000 });
  });
});

describe('a resend', () => {
  const open = { state: 'open', reason: 'failing', since: noon - 60_000, probeAt: noon + 30_000, probes: 0 } as const;
  const planFor = (
    subscriber: Parameters<typeof aSubscriber>[0],
    record: DeliveryRecord | undefined,
    extra = '"replay-name":"by-hand","resend":true,',
  ) =>
    deliveryPlanner(aSubscriber(subscriber), { now: noon, random: () => 0, isProbe: false })(
      aMessageToDeliver({ extra }),
      record,
    );

  it.each([
    ['a throttle', { state: { throttledUntil: noon + 3_600_000 } }, undefined],
    ['an open circuit', { state: { circuit: open } }, undefined],
    ['a next attempt in ten hours', {}, aRecord({ nextAttemptAt: noon + 36_000_000, dueAt: noon + 36_000_000 })],
    [
      'all of them',
      { state: { circuit: open, throttledUntil: noon + 9 } },
      aRecord({ nextAttemptAt: noon + 36_000_000 }),
    ],
    ['that it is exhausted', {}, aRecord({ state: 'exhausted', attempts: 16 })],
    ['that it is discarded', {}, aRecord({ state: 'discarded' })],
    ['that it was delivered', {}, aRecord({ state: 'delivered' })],
  ])('overrules %s', (_, subscriber, record) => {
    expect(planFor(subscriber, record)).toEqual({ kind: 'attempt' });
  });

  it('overrules it once: what fails then waits like any other', () => {
    const tried = aRecord({ replayName: 'by-hand', nextAttemptAt: noon - 1 });
    expect(planFor({ state: { circuit: open } }, tried)).toMatchObject({ kind: 'postpone', reason: 'circuit-open' });
    const early = aRecord({ replayName: 'by-hand', nextAttemptAt: noon + 5_000 });
    expect(planFor({}, early)).toMatchObject({ kind: 'postpone', reason: 'not-due' });
  });

  it.each([
    ['paused', { config: { status: 'paused' } }],
    ['disabled', { state: { disabled: { at: 1, reason: 'gone' }, circuit: open } }],
  ] as const)('waits while the subscription is %s, which a person ends first', (reason, subscriber) => {
    expect(planFor(subscriber, undefined)).toMatchObject({ kind: 'postpone', reason });
  });

  it('is one event that a person wants: a replay of thousands, delivered ones too, overrules nothing', () => {
    const replay = '"replay-name":"replay-1","replay-delivered":true,';
    expect(planFor({ state: { throttledUntil: noon + 60_000 } }, undefined, replay)).toMatchObject({
      kind: 'postpone',
    });
    const retrying = aRecord({ nextAttemptAt: noon + 5_000 });
    expect(planFor({}, retrying, replay)).toMatchObject({ kind: 'postpone', reason: 'not-due' });
  });
});
