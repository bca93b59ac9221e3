import type { AttemptOutcome } from './attempt-outcome.ts';
import type { DeliveryVerdict } from './delivery-ledger.ts';
import { type FailedAttempt, nextAttemptAt } from './retry-schedule.ts';

/** `dueAt` (epoch ms): what was tried besides its retries, which go on then. */
type Tried = Omit<FailedAttempt, 'notBefore'> & { readonly dueAt?: number | undefined };

/** Where one attempt's outcome leaves its event. */
export function deliveryVerdict(outcome: AttemptOutcome, attempt: Tried): DeliveryVerdict {
  switch (outcome.kind) {
    case 'delivered':
      return { state: 'delivered' };
    case 'discard':
      return { state: 'discarded', reason: outcome.reason };
    case 'disable':
      return outcome.delivered ? { state: 'delivered' } : retryVerdict(attempt);
    case 'retry':
      return retryVerdict(outcome.notBefore === undefined ? attempt : { ...attempt, notBefore: outcome.notBefore });
    case 'throttle':
      return retryVerdict({ ...attempt, notBefore: outcome.untilEpochMs });
    default:
      return outcome satisfies never;
  }
}

function retryVerdict(attempt: FailedAttempt & Pick<Tried, 'dueAt'>): DeliveryVerdict {
  const { dueAt, notBefore = 0, now } = attempt;
  if (dueAt !== undefined) return { state: 'retrying', nextAttemptAt: Math.max(dueAt, notBefore, now) };
  const at = nextAttemptAt(attempt);
  return at === undefined
    ? { state: 'exhausted', reason: `all ${attempt.attempts} attempts failed` }
    : { state: 'retrying', nextAttemptAt: at };
}
