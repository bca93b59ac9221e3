import { billPerMillion, totalOf } from './bill.ts';
import {
  type DeliveryBill,
  deliveryBill,
  rowsByPart,
  targetFanOut,
  targetPerMillionDeliveries,
  usd,
  withShare,
} from './delivery-bill.ts';
import { type FloorItem, floorItemPerMillion, floorItems } from './floor.ts';
import { answerMs, type Idle, type Played } from './play.ts';
import { priceOf, prices, pricesAsOf } from './prices.ts';
import { awsCallMs, lambdaLogBytes, parts } from './usage.ts';

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

<!-- Written by \`npm run cost\` (scripts/cost), which plays events on the local run and counts what AWS would bill. -->

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

What would make it cheaper, in USD for a million deliveries, and what it would take away:

| | one by one | in bursts |
| --- | ---: | ---: |
${savingsTable(aloneAtTen, fullAtTen)}

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
delete them with one, each invocation has three log lines of Lambda's own, each line counts ${26} bytes more.

A function's time is its computing, as measured here on a whole core and stretched to the part of a core that its memory buys (1,769 MB are a
core), and its waiting: ${answerMs} ms for a subscriber and ${awsCallMs} ms for each call of an AWS service, one after the other. A subscriber that takes
500 ms adds ${usd(priceOf('lambdaGigabyteSecond', 0.45 * 0.25 * 1_000_000))} to a million deliveries that come alone, and a tenth of it in full batches.

Not in it: cold starts, empty polls of queues under load (there are fewer than at rest), retries of subscribers that fail, TLS handshakes,
taxes, and support.

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

function savingsTable(one: Played, other: Played): string {
  const perBatch = (usdPerMillion: number): string =>
    `${usd(usdPerMillion)} | ${usd(usdPerMillion / other.messagesPerBatch)}`;
  const [queues, functions] = (['subscribers’ queues', 'delivery functions'] as const).map(
    (part) =>
      (billPerMillion(one.usage, one.deliveries).get(part) ?? 0) -
      (billPerMillion(other.usage, other.deliveries).get(part) ?? 0),
  );
  return [
    `| a window in which batches gather: up to so much, for so many seconds of delay | ${usd((queues ?? 0) + (functions ?? 0))} | 0 |`,
    `| Lambda's own log lines left out (its JSON format, system level WARN): the duration of each invocation | ${perBatch(priceOf('logGigabyte', lambdaLogBytes * 1_000_000))} |`,
    `| the subscription's two records read with eventual consistency: a change is in force up to a second later | ${perBatch(priceOf('tableReadUnit', 1_000_000))} |`,
    `| no point-in-time recovery of the ledger | ${usd(storedUsd(one))} | ${usd(storedUsd(other))} |`,
  ].join('\n');
}

function storedUsd({ usage, deliveries }: Played): number {
  return (
    (priceOf('backupGigabyteMonth', usage.get('ledger: storage')?.backupGigabyteMonth ?? 0) / deliveries) * 1_000_000
  );
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

function idleCosts({ sweep, hourly, metrics, alarmMetrics, polledQueues }: Idle): [string, number][] {
  const sweeps = 60 * hoursPerMonth;
  const monthly = (usage: Idle['sweep'], times: number): number => totalOf(billPerMillion(usage, 1_000_000)) * times;
  return [
    ['the dashboard (none, where it is one of the first three of the account)', priceOf('dashboardMonth', 1)],
    [`${alarmMetrics} metrics that alarms watch`, priceOf('alarmMonth', alarmMetrics)],
    [`${metrics} metrics`, priceOf('metricMonth', metrics)],
    [`polling of ${polledQueues} queues`, priceOf('queueRequest', polledQueues * pollsPerMonth)],
    ["the secret with Drift's token", priceOf('secretMonth', 1)],
    ['the sweep, every minute: time, reads and logs', monthly(sweep, sweeps)],
    ['its traces, each the first of its second', priceOf('trace', sweeps)],
    ['the hourly look at all routes', monthly(hourly, hoursPerMonth) + priceOf('trace', hoursPerMonth)],
  ];
}

/** Of so many in a second, at random moments: the first of each second, and 5 % of the rest. */
function recordedShare(perSecond: number): number {
  const first = (1 - Math.exp(-perSecond)) / perSecond;
  return first + 0.05 * (1 - first);
}
