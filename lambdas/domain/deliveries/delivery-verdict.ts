import type { AttemptOutcome } from './attempt-outcome.ts';
import type { DeliveryVerdict } from './delivery-ledger.ts';
import { type FailedAttempt, nextAttemptAt } from './retry-schedule.ts';

/** Where one attempt's outcome leaves its event. */
export function deliveryVerdict(outcome: AttemptOutcome, attempt: Omit<FailedAttempt, 'notBefore'>): DeliveryVerdict {
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

function retryVerdict(attempt: FailedAttempt): DeliveryVerdict {
  const at = nextAttemptAt(attempt);
  return at === undefined
    ? { state: 'exhausted', reason: `all ${attempt.attempts} attempts failed` }
    : { state: 'retrying', nextAttemptAt: at };
}
