import { assumptions } from '../assumptions.ts';
import { billOf, usd } from '../bill.ts';
import { defaultCase } from '../case.ts';
import { exhaustedUsd, failedAttemptUsd, failingDays } from '../failing-subscriber.ts';
import { limits, subscribersOfABus } from '../limits.ts';
import { mistakes } from '../mistakes.ts';
import { unitsOf } from '../model/queue.ts';
import { prices, pricesAsOf } from '../prices.ts';
import { awsCallMs, busUnitBytes, bytesPerLogLine, hoursPerMonth, secondsPerMonth } from '../stated.ts';
import type { Units } from '../units.ts';
import { beforeAndAfterTable, heldTable } from './before-and-after.ts';
import {
  batchTable,
  changesTable,
  mainTable,
  monthTable,
  partsTable,
  requestsTable,
  sparseTable,
  tracesTable,
} from './load-tables.ts';
import { billFor, load, perMillion } from './loads.ts';
import { table } from './markdown.ts';
import { baseTable, breakEvenRate, ownServerUsd, perSubscriber, restTable } from './rest-tables.ts';
import { savingsTable } from './savings-table.ts';

/** docs/cost.md */
export function costPage(units: Units): string {
  const usual = defaultCase(units);
  const quiet = perMillion(units, { rate: 1 });
  const busy = perMillion(units, { rate: 100 });
  const subscriber = perSubscriber(units);
  const mistake = mistakes(units, 100);
  const failing = (of: object): string => usd(failedAttemptUsd(units, of));
  return `# What it costs

<!-- Written by \`npm run cost -- --write\` (lab/cost) from lab/cost/units.json and the prices below. -->

In USD at list prices of us-east-1, as of ${pricesAsOf}, without free tiers. For a load of your own:

\`\`\`sh
npm run cost -- --rate 10 --fan-out 3 --event-bytes 2000 --answer-ms 300 --answer-bytes 500 --subscribers 20 --messages-per-conversation 6
\`\`\`

It prints the month and the million deliveries, part by part, with what is assumed; \`--help\` has all of it, and \`--json\` is for programs. Every figure
below is from the same calculator. Where nothing else is said, an event is a message of 400 bytes, a conversation has ${usual.messagesPerConversation}, each
subscriber gets every event and answers ${usual.answerBytes} bytes after ${usual.answerMs} ms, the event history keeps ${usual.historyDays} days, traces are ${usual.traces ? 'on' : 'off'}, and nothing fails.

## A month

| | |
| --- | --- |
| at rest, without a subscriber | ${usd(billFor(units, { rate: 0, fanOut: 0, subscribers: 0 }).total)} |
| for each subscriber, at rest and with events | ${usd(subscriber.atRest)}, and ${usd(subscriber.withEvents)} more |
| once, with the first subscriber | ${usd(subscriber.first)} |
| a million deliveries at a fan-out of 10, at one post a second and at 100 | ${usd(quiet)} and ${usd(busy)} |

All of it, in USD a month:

${monthTable(units)}

## A million deliveries

In USD, without the [base](#at-rest-per-month) of the month. Behind the messages to a batch stands, in brackets, the \`maxConcurrency\` that the
subscribers need where the default of ${usual.maxConcurrency} never catches up.

${mainTable(units)}

Deliveries come alone until all of a subscriber's batches are under way at once; only then do batches fill. So the price falls with the rate, and a slow
receiver is dear where batches are not full. A thousand posts a second is the API's own limit.

### Where it goes

${partsTable(units)}

A delivery writes one item of ${units.delivery.itemBytes} bytes into the ledger, with at most ${units.delivery.keptAnswerBytes.delivered} bytes of the answer (${units.delivery.keptAnswerBytes.failed} of a failure's), and looks for it
before. The subscription's two records are read once for each batch. An attempt logs ${units.delivery.lineBytes} bytes, a batch ${units.delivery.logBytesPerBatch} of metrics.

At one post a second and a fan-out of 10, by how full the batches of deliveries are, whatever fills them ([what does](subscriptions.md#what-decides-the-price)):

${batchTable(units)}

### What changes it

${changesTable(units)}

A failed attempt costs ${failing({ rate: 1 })} a million where it comes alone, ${failing({ rate: 1, eventBytes: 10_000 })} for events of 10 KB: the event is then written into the ledger, to be tried again
and found. One that fails all 16 times: ${usd(exhaustedUsd(units, { rate: 1 }))} a million events, ${usd(exhaustedUsd(units, { rate: 1, eventBytes: 10_000 }))} for those of 10 KB. Each attempt puts the item whole: DynamoDB bills an
update by the size of the whole item as well, and an item of its own for the event would cost the usual small one a write more.

For a million deliveries to subscribers that seldom get anything:

${sparseTable(units)}

### What the requests cost

Time, bytes and months left out, this is what is billed by the request. It is no floor of what such a system can cost: it is what this design asks
of AWS at today's prices, on demand. [Below](#what-would-make-it-cheaper) is what would lower it.

${requestsTable(units)}

### What would make it cheaper

In USD for a million deliveries at a fan-out of 10, each by itself. Done already: Lambda's own log lines are left out where functions
run for each event ([why](decisions/0060-lambda-logs-faults-only.md)), attempts join a trace instead of beginning one ([why](decisions/0051-attempts-join-the-trace-of-their-event.md)), and
[more](decisions/0062-what-a-delivery-need-not-cost.md).

${savingsTable(units)}

### Traces

With \`traces\` on, X-Ray records for each function that begins traces the first invocation of each second and 5 % of the others; with Lambda nothing else can
be set ([Lambda](https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html)). Attempts are parts of the trace of their post.

${tracesTable(units)}

## At rest, per month

${restTable(units)}

Once a subscriber gets events it has ${units.metrics.perSubscriber.length} metric${units.metrics.perSubscriber.length === 1 ? '' : 's'}, billed by the hour in which it has figures; one that fails has a
metric more for each way in which it fails. A bus takes ${subscribersOfABus} subscribers. Without events:

${baseTable(units)}

The dashboard is free where it is among the first three of the account, as far as those have at most 50 metrics each; this one searches all subscribers. A dead-letter
queue is polled by nobody.

## A server of your own

Two small servers, a database in two zones with 50 GB and a load balancer are ${usd(ownServerUsd())} USD a month, at the same list prices, whatever comes. At a
fan-out of 10 this stack costs less below ${breakEvenRate(units, 10).toFixed(2)} posts a second on average (${((breakEvenRate(units, 10) * 10 * secondsPerMonth) / 1_000_000).toFixed(0)} million deliveries a month), at a fan-out of 1 below ${breakEvenRate(units, 1).toFixed(2)}. Above that, servers are
cheaper, and far above it much cheaper: the [local run](../lab/bench/RESULTS.md), which does all of this on two cores and in memory, carries some hundred deliveries a second,
for which AWS gets ${usd(billFor(units, { rate: 48, fanOut: 10 }).total)} USD a month here (480 a second). What is not in the price of servers: somebody who patches them, sees that they fail over and is woken when they do not; the isolation
of each subscriber from all others; room for a burst of a hundred times the average.

## What a flood, a loop and a mistake cost at most

At the default settings, in USD; the API's limit and a monthly budget that warns are [choices](deploying.md#what-can-be-chosen). Half of the limit is half of the bill.

${table(
  ['', 'limit that holds', 'a day', 'a month'],
  limits(units).map(({ what, holds, usdPerDay }) => [
    what,
    holds,
    usd(usdPerDay),
    usd((usdPerDay * hoursPerMonth) / 24),
  ]),
  1,
)}

The token is looked up afresh for a wrong one once in ten seconds and environment, which adds under 2 USD a day.

- **A habit of 256 KB.** One such event is ${unitsOf(256_000, busUnitBytes)} units for the bus, and for each queue as many to send and to receive: a million deliveries at a fan-out of 10 cost ${usd(perMillion(units, { rate: 1, eventBytes: 255_000 }))} instead of ${usd(quiet)}.
- **A replay.** The bus takes every event of the stretch again, whatever the subscriber's filter; what was delivered is received, looked up and dropped. 30 days at 100 posts a
  second to one of ten subscribers: ${usd(mistake.replay)} for each call.
- **A search in the logs** of 30 days at the same load: ${usd(mistake.search)}.
- **A subscriber that fails all day**, at 100 events a second:

${table(
  ['USD of the day', '400 B', '10 KB'],
  failingDays(units).map(({ what, small, large }) => [what, usd(small), usd(large)]),
)}

## Before and after

The same calculator with what was counted on 27 November 2026, before [what a delivery need not cost](decisions/0062-what-a-delivery-need-not-cost.md) was left out, and with what is counted now:

${beforeAndAfterTable(units)}

The event history is in the first two columns; what was aimed at was without it. At rest it is polling that holds the price: 300 subscribers that all ask for a
\`maxConcurrency\` of 1000, at which Lambda polls with two connections and nothing protects the receiver, are ${usd(billFor(units, { rate: 0, fanOut: 300, subscribers: 300, maxConcurrency: 1000 }).total)}. What holds the rest:

${heldTable(units)}

## How it is counted

\`npm run cost -- --measure\` plays events on the [local run](architecture.md#the-same-system-on-one-machine) for two minutes and counts what one post, one delivery, one conversation, one failed attempt and one look of what runs by the clock
take: requests to the API, entries of PutEvents, messages and requests of each queue, units of each table and index by the sizes of their items, invocations,
bytes of logs and bytes sent. With the facts of the template (memory, windows, pollers, alarms, traces, keys) they stand in \`lab/cost/units.json\`. The model (\`lab/cost/model\`) computes a month of them: batches as they fill, queues and
bus in units of 64 KB, the API in 512 KB, tables in 1 and 4 KB. A test plays four loads at the edges and a timer, and holds the model against what is counted there; another fails when this page is
not what the calculator gives.

What the local run does not see is added by what AWS documents: each log line counts ${bytesPerLogLine} bytes more, an idle queue is polled by five connections (two where no maximum concurrency is
set) of 20 s. A function's time is stated, for each function one figure that was found by measuring and rounded (\`lab/cost/stated.ts\`), and its waiting: ${awsCallMs} ms for each call of AWS, one after the other.

Assumed, here at one post a second and a fan-out of 10:

${assumptions(load(units, {}), billOf(load(units, {}), units).month.filling, units)
  .map((text) => `- ${text}`)
  .join('\n')}

Only a bill can say how many messages Lambda's pollers really put into a batch, how DynamoDB remembers the key of a table, and how long an idle environment lives.

## Prices

| USD | for | source |
| ---: | --- | --- |
${Object.values(prices)
  .map((price) => {
    const { usd: amount, per, unit, source } = price;
    const steps =
      'steps' in price ? price.steps.map((step) => `; ${step.usd} beyond ${beyond(step.beyond)}`).join('') : '';
    return `| ${amount} | ${per === 1_000_000 ? `a million: ${unit}` : unit}${steps} | <${source}> |`;
  })
  .join('\n')}
`;
}

function beyond(quantity: number): string {
  return quantity >= 1024 ** 4 ? `${quantity / 1024 ** 4} TB` : `${quantity / 1_000_000} million`;
}
