import { expect, test } from 'vitest';
import { moneyReport } from '../../../lab/bench/sections/money.ts';
import type { Played } from '../../../lab/cost/play.ts';
import { prices } from '../../../lab/cost/prices.ts';

function played(pace: Played['scenario']['pace'], messagesPerBatch: number, writeUnits: number): Played {
  return {
    scenario: { fanOut: 10, events: 100, pace },
    usage: new Map([
      ['subscribers’ queues', { queueRequest: 1000 + 2000 / messagesPerBatch }],
      ['ledger: reads and writes', { tableWriteUnit: writeUnits }],
    ]),
    deliveries: 1000,
    messagesPerBatch,
    eventBytes: 400,
    ledgerItemBytes: 265,
    logBytesPerDelivery: 500,
    attemptLineBytes: 400,
  };
}

test('the money of a run is its bill by part, the floor beneath it, and the target for each way in which deliveries come', () => {
  const report = moneyReport(played('one-by-one', 1, 4000), played('full-batches', 10, 1000));
  const [parts, floor] = report.tables;
  expect(parts?.rows[0]).toEqual(['ledger: reads and writes', '2.50 (68 %)', '0.63 (57 %)']);
  expect(parts?.rows.at(-1)).toEqual(['total', '3.70', '1.10']);
  const sent = (prices.queueRequest.usd * 1).toFixed(2);
  expect(floor?.rows[0]).toEqual(['the bus sends the message to the subscriber’s queue', sent, sent]);
  expect(report.targets.map(({ found, isMet }) => [found, isMet])).toEqual([
    ['1.10 USD', true],
    ['3.70 USD', false],
  ]);
});
