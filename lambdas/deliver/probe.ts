import { rampingCircuit } from '../domain/deliveries/endpoint-health.ts';
import type { DeliverDeps } from './deliver-deps.ts';
import { deliverMessages } from './deliver-messages.ts';
import { reportEndpoint } from './endpoint-report.ts';

/** For the log of whoever invoked it; the circuit itself is in the subscription's `state` record. */
export type ProbeOutcome = { readonly kind: 'recovered' | 'still-failing' | 'nothing-to-send' | 'not-open' };

/** Longer than one attempt takes. */
const hiddenSeconds = 120;
/** Messages that turn out to have had their end, or not to be due, are no probe; so many are looked at. */
const messagesAtMost = 10;

/** Tries one message of the queue, to find out whether an open circuit can close. */
export async function probe(deps: DeliverDeps, remainingMs: () => number): Promise<ProbeOutcome> {
  const { ledger, queue, health, control, subscriptionId, clock } = deps;
  const { subscriber } = await ledger.read([]);
  const circuit = subscriber.state?.circuit;
  const { config, state } = subscriber;
  // An item written by hand need not say that it is active.
  const stopped = state?.disabled !== undefined || config === undefined || config.status === 'paused';
  if (circuit?.state !== 'open' || stopped) return { kind: 'not-open' };

  for (let looked = 0; looked < messagesAtMost; looked++) {
    const received = await queue.receive(1, hiddenSeconds);
    if (received.length === 0) break;
    const delivered = await deliverMessages(received, deps, { isProbe: true, remainingMs });
    if (delivered.kept.length === 0) await queue.acknowledge(received.map(({ receiptHandle }) => receiptHandle));
    const tried = delivered.attempts.filter(({ outcome }) => outcome.kind !== 'discard');
    if (tried.length === 0) continue;
    await reportEndpoint(tried, delivered.subscriber.state, deps, { isProbe: true });
    return { kind: tried.some(({ record }) => record.state === 'delivered') ? 'recovered' : 'still-failing' };
  }
  // An empty queue can be opened without harm: the next message is the probe, and a failure opens the circuit again.
  if (await health.replaceCircuit(circuit, rampingCircuit(circuit, clock()))) {
    await control.send([{ message: { subscriptionId, action: 'recovered' }, delaySeconds: 0 }]);
  }
  return { kind: 'nothing-to-send' };
}
