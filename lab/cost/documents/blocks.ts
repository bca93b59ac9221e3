import { usd } from '../bill.ts';
import type { Units } from '../units.ts';
import { billFor, perMillion } from './loads.ts';
import { perSubscriber } from './rest-tables.ts';

/** The texts with figures of other documents, by the name that their marks have: `<!-- cost: rest -->` … `<!-- /cost -->`. */
export function blocks(units: Units): Readonly<Record<string, string>> {
  const subscriber = perSubscriber(units);
  const dashboard =
    billFor(units, { rate: 0, fanOut: 0, subscribers: 0 }).baseLines.find(({ what }) => what === 'the dashboard')
      ?.usd ?? 0;
  const empty = billFor(units, { rate: 0, fanOut: 0, subscribers: 0 }).total;
  const million = (rate: number, fanOut: number): string => usd(perMillion(units, { rate, fanOut }));
  const window = (windowSeconds: number): string => usd(perMillion(units, { rate: 1, windowSeconds }));
  const concurrency = (maxConcurrency: number): string => usd(perMillion(units, { rate: 100, maxConcurrency }));
  return {
    rest: `At rest it costs ${usd(empty)} USD a month at list prices (alarms, metrics, one secret, the polling of four queues, and ${usd(dashboard)} for the dashboard), and for each
subscriber ${usd(subscriber.atRest)} USD at rest and, while it gets events, ${usd(subscriber.withEvents)} more.`,
    million: `A million deliveries cost ${million(1, 10)} USD at one post a second to ten subscribers, ${million(100, 10)} at 100 a second, and ${million(1, 1)} and ${million(100, 1)} where there is but one
subscriber; \`npm run cost\` says what a load of your own does.`,
    window: `A million deliveries of one event a second each cost ${window(0)} USD at once, ${window(1)} with a window of 1 s and ${window(10)} with one of 10 s.`,
    concurrency: `At 100 events a second and answers after 100 ms, a million deliveries cost ${concurrency(2)} USD at a \`maxConcurrency\` of 2, ${concurrency(5)} at 5, ${concurrency(10)} at 10 and ${concurrency(50)} at 50.`,
  };
}
