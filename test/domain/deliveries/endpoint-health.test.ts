import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aSubscriber, noon } from '../../../lab/support/deliveries.ts';
import {
  batchParallelism,
  type ControlMessage,
  circuitAfterFailedProbe,
  controlStep,
  desiredFlow,
  evaluateFailure,
  failingSinceAfter,
  overdueControl,
  probeMessage,
  rampingCircuit,
} from '../../../lambdas/domain/deliveries/endpoint-health.ts';
import type { Circuit } from '../../../lambdas/domain/subscriptions/subscription.ts';

const minutes = (count: number) => count * 60_000;
const hours = (count: number) => count * 3600 * 1000;
const open = (parts: Partial<Circuit & { state: 'open' }> = {}) =>
  ({ state: 'open', reason: 'failing', since: noon, probeAt: noon + minutes(1), probes: 0, ...parts }) as const;
const stateWith = (circuit?: Circuit, parts: Parameters<typeof aSubscriber>[0] = {}) =>
  aSubscriber({ ...parts, state: { ...parts.state, ...(circuit && { circuit }) } }).state;
const active = { status: 'active' } as const;

describe('the flow that a mapping is set to', () => {
  it('is on at the configured concurrency for a healthy endpoint, 10 by default, never under SQS’s least of 2', () => {
    expect(desiredFlow(active, undefined, noon)).toEqual({ enabled: true, maximumConcurrency: 10 });
    expect(desiredFlow({ ...active, maxConcurrency: 300 }, {}, noon).maximumConcurrency).toBe(300);
    expect(desiredFlow({ ...active, maxConcurrency: 1 }, {}, noon).maximumConcurrency).toBe(2);
  });

  it('is off while paused, disabled, or open', () => {
    expect(desiredFlow({ status: 'paused' }, {}, noon).enabled).toBe(false);
    expect(desiredFlow(active, { disabled: { at: 0, reason: '' } }, noon).enabled).toBe(false);
    expect(desiredFlow(active, { circuit: open() }, noon).enabled).toBe(false);
  });

  it('rises in the ramp, never falls, never beyond what is configured, and gets there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1000 }), fc.nat(hours(1)), fc.nat(hours(1)), (maxConcurrency, a, b) => {
        const circuit = rampingCircuit(open(), noon);
        const at = (ms: number) => desiredFlow({ ...active, maxConcurrency }, { circuit }, noon + ms);
        const [earlier, later] = [at(Math.min(a, b)), at(Math.max(a, b))];
        return (
          earlier.enabled &&
          earlier.maximumConcurrency >= 2 &&
          earlier.maximumConcurrency <= later.maximumConcurrency &&
          later.maximumConcurrency <= maxConcurrency &&
          at(minutes(9)).maximumConcurrency === maxConcurrency &&
          at(0).maximumConcurrency === 2
        );
      }),
    );
  });

  it('has batches spread in the first steps of the ramp, at least two attempts at once', () => {
    const state = { circuit: rampingCircuit(open(), noon) };
    expect([0, 1, 2, 3].map((minute) => batchParallelism(state, noon + minutes(minute)))).toEqual([2, 4, 8, 10]);
    expect(batchParallelism({}, noon)).toBe(10);
    // A clock that is behind that of the function that wrote the circuit.
    expect(batchParallelism(state, noon - minutes(1))).toBe(2);
  });
});

describe('what provision does with a control message', () => {
  const probe = (dueAt: number): ControlMessage => ({ subscriptionId: 'sub_1', action: 'probe', dueAt });

  it('plans the first probe when a circuit opens', () => {
    expect(controlStep({ subscriptionId: 'sub_1', action: 'open-circuit' }, stateWith(open()), noon)).toEqual({
      kind: 'send',
      message: probe(noon + minutes(1)),
      delaySeconds: 60,
    });
  });

  it('probes when it is time, not before, and not for a probe that is out of date', () => {
    const state = stateWith(open());
    expect(controlStep(probe(noon + minutes(1)), state, noon + minutes(1))).toEqual({ kind: 'probe' });
    expect(controlStep(probe(noon + minutes(1)), state, noon + 30_000)).toMatchObject({
      kind: 'send',
      delaySeconds: 30,
    });
    expect(controlStep(probe(noon), state, noon + minutes(9))).toEqual({ kind: 'none' });
  });

  it('does not probe while the endpoint rests, whatever its circuit says', () => {
    const state = stateWith(open(), { state: { throttledUntil: noon + minutes(10) } });
    expect(controlStep(probe(noon + minutes(1)), state, noon + minutes(1))).toEqual({
      kind: 'send',
      message: probe(noon + minutes(10)),
      delaySeconds: 540,
    });
    expect(controlStep(probe(noon + minutes(10)), state, noon + minutes(10))).toEqual({ kind: 'probe' });
  });

  it('probes at once where what is stored lies too far ahead to be believed', () => {
    const state = stateWith(open({ probeAt: noon + hours(9999) }), { state: { throttledUntil: noon + hours(9999) } });
    expect(overdueControl(state, noon)).toEqual(probe(noon));
    expect(controlStep(probe(noon), state, noon)).toEqual({ kind: 'probe' });
  });

  it('carries a probe over that is further away than SQS delays a message, and is never early', () => {
    fc.assert(
      fc.property(fc.nat(hours(400)), (wait) => {
        const { delaySeconds } = probeMessage('sub_1', noon + wait, noon);
        return delaySeconds <= 900 && delaySeconds >= 0 && (delaySeconds === 900 || delaySeconds * 1000 >= wait);
      }),
    );
  });

  it('steps the ramp each minute until it is at its top, and then stops', () => {
    const state = stateWith(rampingCircuit(open(), noon));
    for (const action of ['recovered', 'ramp'] as const) {
      expect(controlStep({ subscriptionId: 'sub_1', action }, state, noon)).toEqual({
        kind: 'send',
        message: { subscriptionId: 'sub_1', action: 'ramp' },
        delaySeconds: 60,
      });
      expect(controlStep({ subscriptionId: 'sub_1', action }, state, noon + minutes(9))).toEqual({ kind: 'none' });
    }
  });

  it('does nothing for what is gone, disabled, closed, or in another phase', () => {
    const messages: ControlMessage[] = [
      { subscriptionId: 'sub_1', action: 'open-circuit' },
      probe(noon),
      { subscriptionId: 'sub_1', action: 'ramp' },
      { subscriptionId: 'sub_1', action: 'reconcile' },
    ];
    const disabled = { disabled: { at: 0, reason: '' } };
    for (const message of messages) {
      expect(controlStep(message, undefined, noon)).toEqual({ kind: 'none' });
      expect(controlStep(message, stateWith(), noon)).toEqual({ kind: 'none' });
      expect(controlStep(message, stateWith(open({ probeAt: noon }), { state: disabled }), noon)).toEqual({
        kind: 'none',
      });
    }
    expect(controlStep({ subscriptionId: 'sub_1', action: 'ramp' }, stateWith(open()), noon)).toEqual({ kind: 'none' });
    expect(controlStep(probe(noon), stateWith(rampingCircuit(open(), noon)), noon)).toEqual({ kind: 'none' });
  });

  it('finds a probe whose message was lost, and no other', () => {
    expect(overdueControl(stateWith(open({ probeAt: noon })), noon + minutes(6))).toEqual(probe(noon));
    expect(overdueControl(stateWith(open({ probeAt: noon })), noon + minutes(4))).toBeUndefined();
    expect(overdueControl(stateWith(rampingCircuit(open(), noon)), noon + hours(5))).toBeUndefined();
  });
});

describe('the verdict on a failure', () => {
  const failing = (failures: number, sinceMs: number) => ({
    failures,
    failingSince: noon - sinceMs,
    lastFailureAt: noon,
  });

  it('opens the circuit after ten failures in a row over 30 s, and neither earlier nor sooner', () => {
    const kinds = (failures: number, sinceMs: number) =>
      evaluateFailure(failing(failures, sinceMs), noon).map(({ kind }) => kind);
    expect(kinds(10, 30_000)).toEqual(['open-circuit', 'notice']);
    expect(kinds(9, hours(1))).toEqual([]);
    expect(kinds(1000, 29_999)).toEqual([]);
  });

  it('opens no circuit twice', () => {
    expect(evaluateFailure({ ...failing(50, hours(1)), circuit: open(), failingNotice: 1 }, noon)).toEqual([]);
  });

  it('is the same while ramping, but for its probes, which go on growing', () => {
    const circuit = { ...rampingCircuit(open({ probes: 4 }), noon - minutes(1)) };
    expect(evaluateFailure({ ...failing(9, minutes(1)), circuit }, noon)).toEqual([]);
    expect(evaluateFailure({ ...failing(10, 1000), circuit }, noon)).toEqual([]);
    const [verdict] = evaluateFailure({ ...failing(10, minutes(1)), circuit }, noon);
    expect(verdict).toMatchObject({ kind: 'open-circuit', circuit: { probes: 5, probeAt: noon + 30_000 * 2 ** 5 } });
    // Once the ramp is over, the endpoint counts as healthy.
    const [later] = evaluateFailure(
      { ...failing(10, minutes(1)), circuit: { ...circuit, since: noon - minutes(9) } },
      noon,
    );
    expect(later).toMatchObject({ circuit: { probes: 0 } });
  });

  it('opens it for a long throttle until exactly then, and not for a short one', () => {
    const state = { ...failing(1, 0), throttledUntil: noon + hours(3) };
    expect(evaluateFailure(state, noon)).toEqual([
      { kind: 'open-circuit', circuit: open({ reason: 'throttled', probeAt: noon + hours(3) }) },
    ]);
    expect(evaluateFailure({ ...state, throttledUntil: noon + minutes(2) }, noon)).toEqual([]);
  });

  it('warns at 50, 70 and 90 % of the time and disables at its end, each once, whatever was missed', () => {
    const at = (share: number, failingNotice = 1) =>
      evaluateFailure({ ...failing(20, share * hours(120)), circuit: open(), failingNotice: failingNotice as 1 }, noon);
    expect(at(0.49)).toEqual([]);
    expect(at(0.5)).toEqual([{ kind: 'notice', notice: 2, disableAt: noon + hours(60) }]);
    expect(at(0.7)).toMatchObject([{ notice: 3 }]);
    expect(at(0.9, 2)).toMatchObject([{ notice: 4 }]);
    expect(at(0.95, 4)).toEqual([]);
    expect(at(1)).toMatchObject([{ kind: 'disable' }]);
    expect(evaluateFailure({ ...failing(20, hours(500)), disabled: { at: 0, reason: '' } }, noon)).toEqual([]);
  });

  it('disables after another time where one is configured', () => {
    expect(evaluateFailure(failing(1, hours(2)), noon, 7200)).toMatchObject([
      { kind: 'disable', reason: 'no delivery succeeded for 2 hours' },
    ]);
  });
});

describe('since when an endpoint fails', () => {
  it('is its first failure after a success, however often it fails within each day', () => {
    expect(failingSinceAfter(undefined, noon)).toBe(noon);
    expect(failingSinceAfter({}, noon)).toBe(noon);
    expect(failingSinceAfter({ failingSince: noon - hours(70), lastFailureAt: noon - hours(24) }, noon)).toBe(
      noon - hours(70),
    );
  });

  it('leaves out the time beyond a day in which nothing was tried', () => {
    const week = failingSinceAfter({ failingSince: noon - hours(168), lastFailureAt: noon - hours(168) }, noon);
    expect((noon - week) / hours(1)).toBe(24);
  });
});

describe('the intervals between probes', () => {
  it('double from 30 s to an hour, and wait for the endpoint’s own wish in full', () => {
    const intervals: number[] = [];
    for (let circuit: ReturnType<typeof circuitAfterFailedProbe> = open(), count = 0; count < 9; count++) {
      circuit = circuitAfterFailedProbe(circuit, noon);
      intervals.push((circuit.probeAt - noon) / 1000);
    }
    expect(intervals).toEqual([60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    expect(circuitAfterFailedProbe(open(), noon, noon + hours(9)).probeAt).toBe(noon + hours(9));
  });
});
