import { billPerMillion, totalOf } from './bill.ts';
import {
  type DeliveryBill,
  deliveryBill,
  fullBatch,
  rowsByPart,
  targetFanOut,
  targetPerMillionDeliveries,
  usd,
  withShare,
} from './delivery-bill.ts';
import { type FloorItem, floorItemPerMillion, floorItems } from './floor.ts';
import { answerMs, type Idle, type Played } from './play.ts';
import { priceOf, prices, pricesAsOf } from './prices.ts';
import { awsCallMs, bytesPerLogLine, type Part, parts } from './usage.ts';

const hoursPerMonth = 730;
/** Lambda polls a queue with five connections, each for 20 s. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const pollsPerMonth = 5 * 3 * 60 * hoursPerMonth;
/** A subscriber that gets events: attempts that delivered, time to delivery, oldest due delivery. */
const metricsPerSubscriber = 3;
/** docs/cost.md */
export function costReport(played: readonly Played[], idle: Idle): string {
  const oneByOne = played.filter(({ scenario }) => scenario.pace === 'one-by-one');
  const full = played.filter(({ scenario }) => scenario.pace === 'full-batches');
  const [aloneAtTen, fullAtTen] = [oneByOne, full].map((some) =>
    some.find(({ scenario }) => scenario.fanOut === targetFanOut),
  );
  if (aloneAtTen === undefined || fullAtTen === undefined) throw new Error('nothing was played at a fan-out of 10');
  const [alone, inFull] = [deliveryBill(aloneAtTen), deliveryBill(fullAtTen)];
  const idleRows = idleCosts(idle);
  return `# What it costs

<!-- Written by \`npm run cost\` (lab/cost), which plays events on the local run and counts what AWS would bill. -->

In USD at list prices of us-east-1, as of ${pricesAsOf}, without free tiers. An event is a message of a chat
(${Math.round(fullAtTen.eventBytes)} bytes on the bus); each subscriber answers after ${answerMs} ms.

At a fan-out of ${targetFanOut}, a million deliveries cost **${usd(alone.total)}** while they come one by one and
**${usd(inFull.total)}** while batches fill, with the full ledger, logs, archive, storage for a month and the traffic to the internet
in it. The target of ${usd(targetPerMillionDeliveries)} is ${inFull.total <= targetPerMillionDeliveries ? 'met' : 'not met'}. What stands in the way is [the floor](#the-floor): the requests alone come to
**${usd(alone.floor)}** one by one and **${usd(inFull.floor)}** in full batches, before a millisecond of the delivery functions, a log line, or a day of storage.

## A million events

One by one: each delivery is a batch of its own. So it is below a few events a second.

${billTable(oneByOne)}

In full batches (${full.map(({ messagesPerBatch }) => messagesPerBatch.toFixed(1)).join(', ')} messages to a batch), as in bursts and after an outage.

${billTable(full)}

## A million deliveries at a fan-out of 10

${dominantTable(alone, inFull)}

- A delivery writes one item of ${Math.round(fullAtTen.ledgerItemBytes)} bytes into the ledger (one write unit) and looks for it before (one read
  unit), so that what was delivered is not delivered twice. The subscription's two records are read once for each batch.
- Logs of the delivery functions are ${Math.round(aloneAtTen.logBytesPerDelivery)} bytes for each delivery (${Math.round(fullAtTen.logBytesPerDelivery)} in full batches): a line for each
  attempt, and for each batch two lines of metrics.
- The queues take three requests for each delivery that comes alone: the bus sends, Lambda receives and deletes.

### The floor

What a delivery of this design cannot do without, in USD for a million, from the [prices](#prices) below:

${floorTable(alone, inFull)}

### What would make it cheaper

In USD for a million deliveries, at a fan-out of ${targetFanOut}, each by itself. Done already: Lambda's own log lines are left out where functions
run for each event ([why](decisions/0060-lambda-logs-faults-only.md)); attempts join a trace instead of beginning one ([why](decisions/0051-attempts-join-the-trace-of-their-event.md)).
Not done, because exact, complete and prompt deliveries come before cents:

${savingsTable(aloneAtTen, fullAtTen)}

A window of \`w\` seconds puts about \`1 + r × w\` messages into a batch of a subscriber that gets \`r\` events a second, ten at the most. What a million
deliveries cost then, between the two figures that were counted:

${windowTable(alone, inFull)}

## The event history

For a million events, whoever they are for: \`record-events\` writes each published event once, so it is **nothing for a delivery**. Computed from the
prices, for events of up to 1 KB with their summary (each further KB is a write unit more); an \`eventHistoryDays\` of 0 leaves it
out.

${historyTable()}

## Traces

Not in the tables above, because they depend on the rate. X-Ray records, for each function that begins traces, the first invocation of
each second and 5 % of the others; with Lambda nothing else can be set
([Lambda](https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html)). Attempts are parts of the trace of their post, which costs
nothing more ([why](decisions/0051-attempts-join-the-trace-of-their-event.md)).

| posts of Drift in a second | recorded | USD per million events | USD per million deliveries at a fan-out of 10 |
| --- | ---: | ---: | ---: |
${[0.1, 1, 10, 100].map(tracesRow).join('\n')}

The first of each second is at the most 2.6 million traces a month, 13 USD for one function. Beside \`ingest\` that is \`track-activity\`, which runs
every two seconds under load: up to 5 USD a month.

## At rest, per month

| | USD |
| --- | ---: |
${idleRows.map(([what, cost]) => `| ${what} | ${usd(cost)} |`).join('\n')}
| **an empty stack** | **${usd(idleRows.reduce((sum, [, cost]) => sum + cost, 0))}** |

| for each subscriber | USD |
| --- | ---: |
| polling of its queue | ${usd(priceOf('queueRequest', pollsPerMonth))} |
| once it gets events: ${metricsPerSubscriber} metrics, billed by the hour in which they have figures | ${usd(priceOf('metricMonth', metricsPerSubscriber))} |
| the alarm \`deliveries-late\` watching it | ${usd(priceOf('alarmMonth', 1))} |

A failing subscriber has a metric more for each way in which it fails. The dead-letter queue is polled by nobody and costs nothing.

## How it is counted

\`npm run cost\` runs the system from its template on one machine and counts: requests to the API, entries of PutEvents in chunks of
64 KB, messages and requests of each queue, units of each table and index by the sizes of their items, invocations, bytes of logs,
bytes sent. What the local run does not see is added by what AWS documents: Lambda's pollers receive up to ten messages with one request and
delete them with one, an invocation of a function that logs them has three log lines of Lambda's own, each line counts ${bytesPerLogLine} bytes more.
For full batches the queues are filled before Lambda may read them.

A function's time is its computing, as measured here on a whole core and stretched to the part of a core that its memory buys (1,769 MB are a
core), and its waiting: ${answerMs} ms for a subscriber and ${awsCallMs} ms for each call of an AWS service, one after the other. A subscriber that takes
500 ms adds ${usd(priceOf('lambdaGigabyteSecond', 0.45 * 0.25 * 1_000_000))} to a million deliveries that come alone, and a tenth of it in full batches.

Not in it: cold starts, empty polls of queues under load (there are fewer than at rest), retries of subscribers that fail, TLS handshakes,
logs kept after they were taken in, taxes, and support.

## Prices

| USD | for | source |
| ---: | --- | --- |
${Object.values(prices)
  .map(
    ({ usd: price, per, unit, source }) =>
      `| ${price} | ${per === 1_000_000 ? `a million: ${unit}` : unit} | <${source}> |`,
  )
  .join('\n')}
`;
}

/** By how many events come with one request of the queue: alone, or as many as it takes. */
function historyTable(): string {
  const million = 1_000_000;
  // A message of a chat, its entry in each index, and what DynamoDB bills beside each.
  const storedBytes = million * (745 + 2 * 238 + 3 * 100);
  const rows: readonly (readonly [string, (perRequest: number) => number])[] = [
    ['the table and its two indexes: three write units', () => priceOf('tableWriteUnit', 3 * million)],
    ['the bus sends, Lambda receives and deletes', (one) => priceOf('queueRequest', million + (2 * million) / one)],
    [
      '`record-events`: 20 ms for each event at 256 MB',
      (one) => priceOf('lambdaRequest', million / one) + priceOf('lambdaGigabyteSecond', million * 0.02 * 0.25),
    ],
    ['storage for 14 days', () => priceOf('tableGigabyteMonth', (storedBytes * 14) / 30)],
  ];
  const line = (what: string, of: (perRequest: number) => number) => `| ${what} | ${usd(of(1))} | ${usd(of(10))} |`;
  const total = (one: number) => rows.reduce((sum, [, of]) => sum + of(one), 0);
  return [
    '| USD per million events | one by one | in full batches |',
    '| --- | ---: | ---: |',
    ...rows.map(([what, of]) => line(what, of)),
    line('**total**', total),
  ].join('\n');
}

function windowTable(one: DeliveryBill, other: DeliveryBill): string {
  const sizes = [1, 2, 3, 5, fullBatch];
  const [most, least] = [one, other].map(({ filling }) => 1 / filling.messagesPerBatch) as [number, number];
  const at = (size: number): number => other.total + ((one.total - other.total) * (1 / size - least)) / (most - least);
  return [
    `| messages to a batch | ${sizes.join(' | ')} |`,
    `| --- |${sizes.map(() => ' ---: |').join('')}`,
    `| USD for a million deliveries | ${sizes.map((size) => usd(at(size))).join(' | ')} |`,
  ].join('\n');
}

/** What a batch is billed for once, however many messages it has. */
const partsByBatch = [
  'subscribers’ queues',
  'delivery functions',
  'ledger: reads and writes',
  'logs',
] as const satisfies readonly Part[];
/** Of capacity that is provisioned and follows the load, so much is used. */
const usedCapacity = 0.7;

/** What was decided against, or for some subscribers only: what it would save, and what it would take away. */
function savingsTable(one: Played, other: Played): string {
  const each = (what: string, takesAway: string, ...usdPerMillion: [number, number]): string =>
    `| ${what} | ${usdPerMillion.map((value) => (value === 0 ? '0' : usd(value))).join(' | ')} | ${takesAway} |`;
  const perBatch = (what: string, takesAway: string, usdPerMillion: number): string =>
    each(what, takesAway, usdPerMillion / one.messagesPerBatch, usdPerMillion / other.messagesPerBatch);
  const alike = (what: string, takesAway: string, usdPerMillion: number): string =>
    each(what, takesAway, usdPerMillion, usdPerMillion);

  const [alone, full] = [one, other].map((played) => {
    const bill = billPerMillion(played.usage, played.deliveries);
    return partsByBatch.reduce((sum, part) => sum + (bill.get(part) ?? 0), 0);
  });
  const readUnit = priceOf('tableReadUnit', 1_000_000);
  const attemptLine = priceOf('logGigabyte', (one.attemptLineBytes + bytesPerLogLine) * 1_000_000);
  // A unit of capacity is one in a second.
  const provisioned = (['tableWriteCapacityHour', 'tableReadCapacityHour'] as const).reduce(
    (sum, name) => sum + priceOf(name, 1_000_000 / 3600 / usedCapacity),
    0,
  );
  const ledgerUnits = priceOf('tableWriteUnit', 1_000_000) + readUnit;
  const waitingSeconds = (answerMs + 2 * awsCallMs) / 1000;
  return [
    '| | one by one | in full batches | what it would take away |',
    '| --- | ---: | ---: | --- |',
    each(
      '[a window in which batches gather](subscriptions.md#cheaper-deliveries-that-may-wait), for each subscriber that asks for it; up to',
      'up to a minute: it is there, and off by default ([why](decisions/0061-batches-gather-for-those-who-ask.md))',
      (alone ?? 0) - (full ?? 0),
      0,
    ),
    alike(
      'provisioned capacity for the ledger, of which 70 % are used around the clock',
      'room for bursts: what goes beyond it is throttled, its batch comes again, and what was sent but could not be written down is sent twice',
      ledgerUnits - provisioned,
    ),
    alike(
      'no log line for an attempt that succeeded',
      'the search in all logs for one post’s path; the ledger says less, and not for how long an event waited',
      attemptLine,
    ),
    perBatch(
      'the subscription’s two records read with eventual consistency',
      'certainty: after a `Retry-After` the next batch may not know of it, a pause or a new secret may be missed for about a second',
      readUnit,
    ),
    perBatch(
      'or by one consistent query instead of two items',
      'a second call and connection for each batch, beside that for the ledger: computing and cold starts, which eat up some of it',
      readUnit,
    ),
    each(
      'functions of 128 instead of 256 MB',
      'half of the processor: a delivery computes twice as long before and after its post; and the room that Node needs',
      ...([one, other].map(({ messagesPerBatch }) =>
        priceOf('lambdaGigabyteSecond', (waitingSeconds * 0.125 * 1_000_000) / messagesPerBatch),
      ) as [number, number]),
    ),
    alike(
      'a function url instead of the HTTP API, at this fan-out',
      'the API’s throttling, its access log, and an address of one’s own',
      priceOf('apiRequest', 1_000_000 / one.scenario.fanOut),
    ),
    each(
      'delivered items kept for 15 days instead of 30',
      'that a replay of what is older holds back what was delivered: the archive has 30 days',
      ...([storedUsd(one, 'all') / 2, storedUsd(other, 'all') / 2] as [number, number]),
    ),
    each(
      'no point-in-time recovery of the ledger',
      'the way back after a fault that spoils it: which events were delivered, and those that never were',
      storedUsd(one, 'recovery'),
      storedUsd(other, 'recovery'),
    ),
    alike(
      'the ledger read with eventual consistency',
      'certainty: an event that comes twice within about a second is delivered twice',
      readUnit / 2,
    ),
  ].join('\n');
}

function storedUsd({ usage, deliveries }: Played, what: 'all' | 'recovery'): number {
  const { tableGigabyteMonth = 0, backupGigabyteMonth = 0 } = usage.get('ledger: storage') ?? {};
  const recovery = priceOf('backupGigabyteMonth', backupGigabyteMonth);
  const stored = what === 'recovery' ? recovery : recovery + priceOf('tableGigabyteMonth', tableGigabyteMonth);
  return (stored / deliveries) * 1_000_000;
}

function tracesRow(rate: number): string {
  const share = recordedShare(rate);
  const cost = priceOf('trace', share * 1_000_000);
  return `| ${rate} | ${(share * 100).toFixed(0)} % | ${usd(cost)} | ${usd(cost / 10)} |`;
}

function billTable(played: readonly Played[]): string {
  const bills = played.map(({ usage, scenario }) => billPerMillion(usage, scenario.events));
  const row = (label: string, cells: readonly string[]): string => `| ${label} | ${cells.join(' | ')} |`;
  const bold = (text: string): string => `**${text}**`;
  return [
    row(
      'USD per million events, fan-out',
      played.map(({ scenario }) => String(scenario.fanOut)),
    ),
    row(
      '---',
      played.map(() => '---:'),
    ),
    ...parts.map((part) =>
      row(
        part,
        bills.map((bill) => usd(bill.get(part) ?? 0)),
      ),
    ),
    row(
      bold('total'),
      bills.map((bill) => bold(usd(totalOf(bill)))),
    ),
    row(
      'for a million deliveries',
      bills.map((bill, index) => usd(totalOf(bill) / (played[index]?.scenario.fanOut ?? 1))),
    ),
  ].join('\n');
}

function dominantTable(one: DeliveryBill, other: DeliveryBill): string {
  const bills = [one, other];
  return [
    '| | one by one | in full batches |',
    '| --- | ---: | ---: |',
    ...rowsByPart(bills).map(
      ([part, values]) =>
        `| ${part} | ${values.map((value, index) => withShare(value, bills[index]?.total ?? 0)).join(' | ')} |`,
    ),
    `| **total** | ${bills.map(({ total }) => `**${usd(total)}**`).join(' | ')} |`,
  ].join('\n');
}

function floorTable(one: DeliveryBill, other: DeliveryBill): string {
  const others = floorItems(other.filling);
  return [
    '| | one by one | in full batches |',
    '| --- | ---: | ---: |',
    ...floorItems(one.filling).map((item, index) => {
      const cells = [item, others[index] as FloorItem].map((each) => usd(floorItemPerMillion(each)));
      return `| ${item.what} | ${cells.join(' | ')} |`;
    }),
    `| **the floor** | **${usd(one.floor)}** | **${usd(other.floor)}** |`,
  ].join('\n');
}

function idleCosts({ sweep, dueSweep, hourly, metrics, alarmMetrics, polledQueues }: Idle): [string, number][] {
  const sweeps = 60 * hoursPerMonth;
  const monthly = (usage: Idle['sweep'], times: number): number => totalOf(billPerMillion(usage, 1_000_000)) * times;
  return [
    ['the dashboard (none, where it is one of the first three of the account)', priceOf('dashboardMonth', 1)],
    [`${alarmMetrics} metrics that alarms watch`, priceOf('alarmMonth', alarmMetrics)],
    [`${metrics} metrics`, priceOf('metricMonth', metrics)],
    [`polling of ${polledQueues} queues`, priceOf('queueRequest', polledQueues * pollsPerMonth)],
    ["the secret with Drift's token", priceOf('secretMonth', 1)],
    ['the sweep for timers, every minute: time, reads and logs', monthly(sweep, sweeps)],
    ['the sweep for retries, every minute: the same', monthly(dueSweep, sweeps)],
    ['their traces, each the first of its second', priceOf('trace', 2 * sweeps)],
    ['the hourly look at all routes', monthly(hourly, hoursPerMonth) + priceOf('trace', hoursPerMonth)],
  ];
}

/** Of so many in a second, at random moments: the first of each second, and 5 % of the rest. */
function recordedShare(perSecond: number): number {
  const first = (1 - Math.exp(-perSecond)) / perSecond;
  return first + 0.05 * (1 - first);
}
