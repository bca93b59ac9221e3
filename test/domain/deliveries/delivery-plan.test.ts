import { describe, expect, it } from 'vitest';
import { aMessageToDeliver, aRecord, aSubscriber, noon } from '../../../lab/support/deliveries.ts';
import { type DeliveryRecord, waitingInLedger } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import { deliveryPlanner, parkingPlan } from '../../../lambdas/domain/deliveries/delivery-plan.ts';

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

describe('a message that a stopped subscriber turns away', () => {
  const paused = { config: { status: 'paused' } } as const;
  const kindOf = (
    subscriber: Parameters<typeof aSubscriber>[0],
    { receiveCount, hours }: { receiveCount: number; hours: number },
    record?: DeliveryRecord,
  ) =>
    deliveryPlanner(aSubscriber(subscriber), { now: noon, random: () => 0, isProbe: false })(
      { ...aMessageToDeliver({ sentAt: noon - hours * 3_600_000 }), receiveCount },
      record,
    ).kind;

  it('leaves the queue before its third receive, which would move it to the back', () => {
    expect(kindOf(paused, { receiveCount: 1, hours: 30 })).toBe('postpone');
    expect(kindOf(paused, { receiveCount: 2, hours: 30 })).toBe('leave-queue');
  });

  it('stays where it is young, for behind what is hours younger it is found in time', () => {
    expect(kindOf(paused, { receiveCount: 9, hours: 2 })).toBe('postpone');
  });

  it('stays where the subscriber is only throttled: its queue is read on', () => {
    expect(kindOf({ state: { throttledUntil: noon + 60_000 } }, { receiveCount: 9, hours: 30 })).toBe('postpone');
  });

  it('is done with where the ledger has its event already: a run ended between the write and the deletion', () => {
    const inLedger = aRecord({ attempts: 0, ...waitingInLedger('msg_1', noon - 9) });
    expect(kindOf(paused, { receiveCount: 3, hours: 30 }, inLedger)).toBe('acknowledge');
  });

  it('is done with where it belongs to a cancelled replay', () => {
    const ofReplay = aMessageToDeliver({ extra: '"replay-name":"R",' });
    expect(parkingPlan(ofReplay, undefined, ['R'])).toEqual({ kind: 'acknowledge', reason: 'replay-cancelled' });
    expect(parkingPlan(ofReplay, undefined, ['S'])).toEqual({ kind: 'leave-queue', takesOver: false });
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
