import {
  type DeliveryBill,
  deliveryBill,
  fullBatch,
  rowsByPart,
  targetFanOut,
  targetPerMillionDeliveries,
  usd,
  withShare,
} from '../../cost/delivery-bill.ts';
import { type FloorItem, floorItemPerMillion, floorItems, floorPerMillion } from '../../cost/floor.ts';
import { answerMs, type Played, play } from '../../cost/play.ts';
import { pricesAsOf } from '../../cost/prices.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

/** What a million deliveries cost at list prices, as counted in this run by what `npm run cost` counts with. */
export async function measureMoney({ quick }: SectionOptions): Promise<SectionReport> {
  const [alone, full] = await play(targetFanOut, [
    { events: quick ? 5 : 40, pace: 'one-by-one' },
    { events: quick ? 20 : 200, pace: 'full-batches' },
  ]);
  if (alone === undefined || full === undefined) throw new Error('nothing was played');
  return moneyReport(alone, full);
}

export function moneyReport(alone: Played, full: Played): SectionReport {
  const bills = [deliveryBill(alone), deliveryBill(full)] as const;
  const [one, other] = bills;
  const row = (what: string, cell: (bill: DeliveryBill) => string): string[] => [what, cell(one), cell(other)];
  const head = ['', 'one by one', 'in full batches'];
  const othersFloor = floorItems(other.filling);
  return {
    title: 'Money',
    method: [
      `What AWS would bill for a million deliveries at a fan-out of ${targetFanOut}, in USD at list prices of us-east-1 as of ${pricesAsOf}, without free tiers, the full ledger on. Counted on the local run: ${alone.scenario.events} events one after the other, each delivery a batch of its own, and ${full.scenario.events} that all wait in the queues before the first is delivered (${full.messagesPerBatch.toFixed(1)} messages to a batch). Each subscriber answers after ${answerMs} ms. [docs/cost.md](../../docs/cost.md) says how it is counted and has the prices; this section uses the same code.`,
      `The floor is what is billed by the request and no delivery of this design can do without. It comes to ${usd(floorPerMillion({ fanOut: targetFanOut, messagesPerBatch: 1 }))} one by one and ${usd(floorPerMillion({ fanOut: targetFanOut, messagesPerBatch: fullBatch }))} in batches of ${fullBatch}: against a target of ${usd(targetPerMillionDeliveries)}, that is what is left for computing, logs, storage and traffic.`,
    ].join('\n\n'),
    tables: [
      {
        caption: 'Where the money goes, USD for a million deliveries',
        head,
        rows: [
          ...rowsByPart(bills).map(([part, [left = 0, right = 0]]) => [
            part,
            withShare(left, one.total),
            withShare(right, other.total),
          ]),
          row('total', ({ total }) => usd(total)),
        ],
      },
      {
        caption: 'The floor',
        head,
        rows: [
          ...floorItems(one.filling).map((item, index) => [
            item.what,
            usd(floorItemPerMillion(item)),
            usd(floorItemPerMillion(othersFloor[index] as FloorItem)),
          ]),
          row('floor', ({ floor }) => usd(floor)),
        ],
      },
    ],
    targets: [
      atMost(
        `money: a million deliveries at fan-out ${targetFanOut}, in full batches`,
        targetPerMillionDeliveries,
        other.total,
        inUsd,
      ),
      atMost(
        `money: a million deliveries at fan-out ${targetFanOut}, one by one`,
        targetPerMillionDeliveries,
        one.total,
        inUsd,
      ),
    ],
  };
}

function inUsd(value: number): string {
  return `${usd(value)} USD`;
}
