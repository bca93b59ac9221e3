import { describe, expect, it } from 'vitest';
import { aMessageToDeliver, aSubscriber, noon } from '../../../lab/support/deliveries.ts';
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
