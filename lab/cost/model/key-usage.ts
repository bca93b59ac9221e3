import { deliveriesPerSecond, deliverMs, type Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import { keyCacheSeconds, secondsPerMonth } from '../stated.ts';
import type { Units } from '../units.ts';
import type { Quantities } from '../usage.ts';

const monthOfCaches = secondsPerMonth / keyCacheSeconds;

/** In a month: what DynamoDB asks of KMS, where tables lie under a key of the account. */
export function usageOfKeys(load: Case, filling: Filling, units: Units): Quantities {
  if (load.tableKey === 'aws-owned') return {};
  const { rate, subscribers, messagesPerConversation, historyDays } = load;
  const asked = (perSecond: number): number => monthOfCaches * (1 - Math.exp(-perSecond * keyCacheSeconds));
  const conversations = rate / messagesPerConversation;
  // Each environment asks for each of its tables; the sweeps run always.
  const batches = deliveriesPerSecond(load) / filling.deliveries;
  const environments = Math.max(1, (batches * deliverMs(load, units, filling.deliveries)) / 1000);
  const delivering = subscribers * environments * 2 * asked(batches / environments);
  const others =
    asked(rate) +
    2 * asked(rate / filling.activity) +
    2 * asked(conversations) +
    (historyDays === 0 ? 0 : asked(rate / filling.history)) +
    2 * monthOfCaches;
  return { keyRequest: delivering + others, ...(load.tableKey === 'customer' ? { keyMonth: 1 } : {}) };
}
