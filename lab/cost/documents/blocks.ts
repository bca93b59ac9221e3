import { usd } from '../bill.ts';
import { limits } from '../limits.ts';
import type { Units } from '../units.ts';
import { perBatchSize } from './load-tables.ts';
import { billFor, perMillion } from './loads.ts';
import { breakEvenRate, ownServerUsd, perSubscriber } from './rest-tables.ts';

/**
 * The texts with figures of other documents, by the name in their marks: `<!-- cost: rest -->…<!-- /cost -->`. A mark never
 * begins a line: what follows it there would be HTML.
 */
export function blocks(units: Units): Readonly<Record<string, string>> {
  const subscriber = perSubscriber(units);
  const empty = billFor(units, { rate: 0, fanOut: 0, subscribers: 0 });
  const dashboard = empty.baseLines.find(({ what }) => what === 'the dashboard')?.usd ?? 0;
  const million = (rate: number, fanOut: number): string => usd(perMillion(units, { rate, fanOut }));
  const [alone = 1, two = 1, ten = 1] = [1, 2, 10].map((size) => perBatchSize(units, size));
  const saved = (value: number): string => `${Math.round((1 - value / alone) * 100)} %`;
  const flood = (requestsPerSecond: number): readonly string[] => {
    const throttled = { ...units, template: { ...units.template, requestsPerSecond } };
    const [stranger, , , loop] = limits(throttled).map(({ usdPerDay }) => usd(usdPerDay));
    return [stranger ?? '', loop ?? ''];
  };
  const [[stranger, loop], [strangerAtFifty, loopAtFifty]] = [flood(1000), flood(50)] as [string[], string[]];
  return {
    rest: `it costs ${usd(empty.total)} USD a month at list prices (alarms, metrics, one secret, the polling of four queues, and
${usd(dashboard)} for the dashboard), and for each subscriber ${usd(subscriber.atRest)} USD in polling and, while it gets events, ${usd(subscriber.withEvents)} for its metric; the first one adds ${usd(subscriber.first)} for metrics of the stack.`,
    million: `A million deliveries cost ${million(1, 10)} USD at one post a second to ten subscribers, ${million(100, 10)} at 100 a second, and
${million(1, 1)} and ${million(100, 1)} where there is one subscriber.`,
    servers: `Servers of your own, from ${usd(ownServerUsd())} USD a month, are cheaper above ${breakEvenRate(units, 10).toFixed(2)} posts a second to ten subscribers.`,
    caps: `a flood of posts without the token costs ${stranger} USD a day at 1,000 requests a second and ${strangerAtFifty} at 50; with the token (a receiver that posts
  what it gets) and ten subscribers ${loop} and ${loopAtFifty}.`,
    batch: `it falls by ${saved(two)} from 1 to 2, and by ${saved(ten)} from 1 to 10`,
  };
}
