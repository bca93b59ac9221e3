import { probeDueAt, probeMessage, rampingCircuit } from '../domain/deliveries/endpoint-health.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { deliverMessages } from './deliver-messages.ts';
import { planNextProbe, provesAlive, reportEndpoint } from './endpoint-report.ts';

/** For the log of whoever invoked it; the circuit itself is in the subscription's `state` record. */
export type ProbeOutcome = {
  readonly kind: 'recovered' | 'still-failing' | 'nothing-to-send' | 'not-due' | 'not-open';
};

/** Longer than one attempt takes. */
const hiddenSeconds = 120;
/** Messages that turn out to have had their end, or not to be due, are no probe; so many receives of ten are looked at. */
const maxReceives = 3;

/**
 * Tries one message of the queue, to find out whether an open circuit can close: if it can, one that was never tried, since
 * what failed before may fail for its own sake.
 */
export async function probe(deps: DeliverDeps, remainingMs: () => number): Promise<ProbeOutcome> {
  const { ledger, queue, control, subscriptionId, clock } = deps;
  const { subscriber } = await ledger.read([]);
  const { config, state } = subscriber;
  const circuit = state?.circuit;
  // An item written by hand need not say that it is active.
  const stopped = state?.disabled !== undefined || config === undefined || config.status === 'paused';
  if (state === undefined || circuit?.state !== 'open' || stopped) return { kind: 'not-open' };
  const now = clock();
  const dueAt = probeDueAt(circuit, state, now);
  if (dueAt > now) {
    await control.send([probeMessage(subscriptionId, dueAt, now)]);
    return { kind: 'not-due' };
  }

  for (let receives = 0; receives < maxReceives; receives++) {
    const received = await queue.receive(10, hiddenSeconds);
    if (received.length === 0) break;
    const delivered = await deliverMessages(received, deps, { isProbe: true, remainingMs });
    const kept = new Set(delivered.kept.map(({ messageId }) => messageId));
    const done = received.filter(({ messageId }) => !kept.has(messageId));
    if (done.length > 0) await queue.acknowledge(done.map(({ receiptHandle }) => receiptHandle));
    if (delivered.attempts.length > 0) {
      await reportEndpoint(delivered.attempts, delivered.subscriber.state, deps, { isProbe: true });
      return { kind: delivered.attempts.some(provesAlive) ? 'recovered' : 'still-failing' };
    }
    // It was given a rest, or stopped, while we looked: its messages wait, and the queue is not empty.
    if (delivered.isStopped) {
      await planNextProbe(delivered.subscriber.state ?? state, clock(), deps);
      return { kind: 'still-failing' };
    }
  }
  // An empty queue can be opened without harm: the next message is the probe, and a failure opens the circuit again.
  const health = deps.health.ofEndpoint(state.appliedEndpoint);
  if (await health.replaceCircuit(circuit, rampingCircuit(circuit, clock()))) {
    await control.send([{ message: { subscriptionId, action: 'recovered' }, delaySeconds: 0 }]);
  }
  return { kind: 'nothing-to-send' };
}
