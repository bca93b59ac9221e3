import { filling } from '../batches.ts';
import { usd, usdOf } from '../bill.ts';
import type { Case } from '../case.ts';
import { usageOfDelivery } from '../model/delivery-usage.ts';
import { recordedShare } from '../model/trace-usage.ts';
import { priceOf } from '../prices.ts';
import { secondsPerMonth } from '../stated.ts';
import type { Units } from '../units.ts';
import { type Part, parts, sumOf, times } from '../usage.ts';
import { billFor, load, perMillion } from './loads.ts';
import { bold, table } from './markdown.ts';

const rates = [1, 10, 100, 1000];
const answers = [100, 500, 2000];
const shapes: readonly Pick<Case, 'fanOut' | 'eventBytes'>[] = [
  { fanOut: 1, eventBytes: 400 },
  { fanOut: 10, eventBytes: 400 },
  { fanOut: 1, eventBytes: 10_000 },
  { fanOut: 10, eventBytes: 10_000 },
];

const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);

export function mainTable(units: Units): string {
  const rows = rates.flatMap((rate) =>
    answers.map((answerMs) => {
      const { filling } = billFor(units, { rate, answerMs }).month;
      return [
        rate.toLocaleString('en-US'),
        seconds(answerMs),
        ...shapes.map((shape) => {
          const text = usd(perMillion(units, { ...shape, rate, answerMs }));
          return shape.fanOut === 10 && shape.eventBytes === 400 ? bold(text) : text;
        }),
        `${filling.deliveries.toFixed(1)}${filling.isRaised ? ` (${filling.concurrency})` : ''}`,
      ];
    }),
  );
  return table(
    [
      'posts a second',
      'answer',
      'fan-out 1, 400 B',
      'fan-out 10, 400 B',
      'fan-out 1, 10 KB',
      'fan-out 10, 10 KB',
      'messages to a batch',
    ],
    rows,
  );
}

export function monthTable(units: Units): string {
  const fanOuts = [1, 3, 10];
  return table(
    ['posts a second', 'posts a month', ...fanOuts.map((fanOut) => `fan-out ${fanOut}`)],
    [0.01, 0.1, 1, 10, 100].map((rate) => [
      String(rate),
      Math.round(rate * secondsPerMonth).toLocaleString('en-US'),
      ...fanOuts.map((fanOut) => usd(billFor(units, { rate, fanOut }).total)),
    ]),
  );
}

const partLoads = [
  { rate: 1, fanOut: 10 },
  { rate: 100, fanOut: 10 },
  { rate: 1, fanOut: 1 },
  { rate: 100, fanOut: 1 },
];

export function partsTable(units: Units): string {
  const bills = partLoads.map((one) => billFor(units, one));
  const value = (index: number, part: Part): number => {
    const bill = bills[index];
    return bill === undefined ? 0 : ((bill.byPart.get(part) ?? 0) / bill.month.deliveries) * 1_000_000;
  };
  const cells = (of: (index: number) => number): string[] => bills.map((_, index) => usd(of(index)));
  return table(
    ['USD for a million deliveries', ...partLoads.map(({ rate, fanOut }) => `${rate}/s, fan-out ${fanOut}`)],
    [
      ...parts
        .filter((part) => part !== 'monthly base' && bills.some((_, index) => value(index, part) >= 0.0005))
        .toSorted((one, other) => value(0, other) - value(0, one))
        .map((part) => [part, ...cells((index) => value(index, part))]),
      [bold('total'), ...cells((index) => bills[index]?.perMillion ?? 0).map(bold)],
      ['the monthly base on top', ...cells((index) => value(index, 'monthly base'))],
    ],
  );
}

/** What is billed by the request: the rest is time, bytes and months. */
const byRequest = [
  'apiRequest',
  'lambdaRequest',
  'busEvent',
  'queueRequest',
  'tableWriteUnit',
  'tableReadUnit',
] as const;

export function requestsTable(units: Units): string {
  const what = {
    apiRequest: 'the API',
    lambdaRequest: 'functions are invoked',
    busEvent: 'the bus takes events',
    queueRequest: 'queues take, hand out and delete messages',
    tableWriteUnit: 'tables are written',
    tableReadUnit: 'tables are read',
  };
  const months = partLoads.map((one) => billFor(units, one).month);
  const cell = (index: number, price: (typeof byRequest)[number]): number => {
    const month = months[index];
    if (month === undefined) return 0;
    const quantity = [...month.usage]
      .filter(([part]) => part !== 'monthly base')
      .reduce((sum, [, quantities]) => sum + (quantities[price] ?? 0), 0);
    return priceOf(price, (quantity / month.deliveries) * 1_000_000);
  };
  return table(
    ['USD for a million deliveries', ...partLoads.map(({ rate, fanOut }) => `${rate}/s, fan-out ${fanOut}`)],
    [
      ...byRequest.map((price) => [what[price], ...months.map((_, index) => usd(cell(index, price)))]),
      [
        bold('the requests'),
        ...months.map((_, index) => bold(usd(byRequest.reduce((sum, price) => sum + cell(index, price), 0)))),
      ],
    ],
  );
}

/** USD for a million deliveries at a fan-out of 10 and one post a second, with so many messages to a batch of deliveries. */
export function perBatchSize(units: Units, messages: number): number {
  const one = load(units, { rate: 1 });
  const usual = filling(one, units);
  const of = (deliveries: number): number => {
    const usage = usageOfDelivery(
      one,
      { ...usual, deliveries, perReceive: { ...usual.perReceive, deliveries } },
      units,
    );
    return usdOf(times(sumOf(...usage.values()), 1_000_000));
  };
  return perMillion(units, { rate: 1 }) - of(usual.deliveries) + of(messages);
}

export function batchTable(units: Units): string {
  const sizes = [1, 2, 3, 5, 10];
  return table(
    ['messages to a batch', ...sizes.map(String)],
    [['USD for a million deliveries', ...sizes.map((size) => usd(perBatchSize(units, size)))]],
  );
}

/** One thing changed at a time, at a fan-out of 10. */
export function changesTable(units: Units): string {
  const at = (change: Partial<Case>): string[] => [1, 100].map((rate) => usd(perMillion(units, { rate, ...change })));
  const changes: readonly (readonly [string, Partial<Case>])[] = [
    ['as above', {}],
    ['empty answers', { answerBytes: 0 }],
    ['answers of 800 bytes', { answerBytes: 800 }],
    ['answers of 4 KB, such as a page', { answerBytes: 4096 }],
    ['answers of 100 KB: a new connection for each', { answerBytes: 100_000 }],
    ['`maxConcurrency` 2', { maxConcurrency: 2 }],
    ['`maxConcurrency` 5', { maxConcurrency: 5 }],
    ['`maxConcurrency` 50', { maxConcurrency: 50 }],
    ['`maxBatchingWindowSeconds` 1', { windowSeconds: 1 }],
    ['`maxBatchingWindowSeconds` 10', { windowSeconds: 10 }],
    ['1 % of attempts fail', { failingPercent: 1 }],
    ['10 % of attempts fail', { failingPercent: 10 }],
    ['events of 2 KB', { eventBytes: 2000 }],
    ['events of 64 KB', { eventBytes: 65_000 }],
    ['events of 256 KB', { eventBytes: 255_000 }],
    ['one message to a conversation', { messagesPerConversation: 1 }],
    ['30 messages to a conversation', { messagesPerConversation: 30 }],
    ['no event history', { historyDays: 0 }],
    ['event history of 30 days', { historyDays: 30 }],
    ['traces on', { traces: true }],
    ['traces off', { traces: false }],
    ['tables under AWS’s key for the account', { tableKey: 'aws-managed' }],
    ['each post to 10 of 100 subscribers', { subscribers: 100 }],
  ];
  return table(
    ['at a fan-out of 10', '1 post a second', '100 posts a second'],
    changes.map(([what, change]) => [what, ...at(change)]),
  );
}

export function sparseTable(units: Units): string {
  const every: readonly (readonly [string, number])[] = [
    ['second', 1],
    ['10 seconds', 10],
    ['minute', 60],
    ['10 minutes', 600],
    ['hour', 3600],
  ];
  // One post a second, to one of so many subscribers that each gets one in so long: only they are idle.
  return table(
    ['each of the subscribers gets an event a', 'new connections', 'cold starts'],
    every.map(([what, period]) => {
      const bill = billFor(units, { rate: 1, fanOut: 1, subscribers: period });
      const part = (name: Part): string => usd(((bill.byPart.get(name) ?? 0) / bill.month.deliveries) * 1_000_000);
      return [what, part('new connections'), part('cold starts')];
    }),
  );
}

export function tracesTable(units: Units): string {
  return table(
    [
      'posts of Drift in a second',
      'of ingest’s, recorded',
      'USD for a million deliveries at fan-out 10',
      'at fan-out 1',
    ],
    [0.1, 1, 10, 100].map((rate) => {
      const more = (fanOut: number): string =>
        usd(perMillion(units, { rate, fanOut, traces: true }) - perMillion(units, { rate, fanOut, traces: false }));
      return [String(rate), `${(recordedShare(rate) * 100).toFixed(0)} %`, more(10), more(1)];
    }),
  );
}
