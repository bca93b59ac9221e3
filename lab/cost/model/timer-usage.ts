import { archiveDays } from '../../../lambdas/contracts/archive.ts';
import type { Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import { awsCallMs, computingMs, daysPerMonth } from '../stated.ts';
import type { Units } from '../units.ts';
import { type Part, type Quantities, sumOf, times, type Usage } from '../usage.ts';
import { invocations } from './lambda.ts';

/**
 * One conversation's timer, from the first message to the inactivity that is published. It is armed again once, unless
 * there was but one message. Its events go to the bus and into the history; deliveries of them count in the fan-out.
 */
export function usageOfTimer({ messagesPerConversation }: Case, filling: Filling, units: Units): Usage {
  const { firing, rearming } = units.timers;
  const again = messagesPerConversation > 1 ? 1 : 0;
  const all = (name: keyof typeof firing): number => firing[name] + again * rearming[name];
  const { perBatch, perMessage } = computingMs['emit-inactivity'];
  const runs = all('runs');
  const runMs = perBatch + perMessage * filling.timers + (awsCallMs * all('calls')) / runs;
  const run: Quantities = {
    ...invocations(1 / filling.timers, runMs, units.template.memoryMegabytes['emit-inactivity']),
    // The sweep sends together what falls due; what is sent together comes together.
    queueRequest: 3 / filling.timers,
  };
  return new Map<Part, Quantities>([
    [
      'timers',
      sumOf(times(run, runs), {
        tableWriteUnit: all('writeUnits'),
        tableReadUnit: all('readUnits'),
        busEvent: all('busEvents'),
        archivedGigabyte: all('busBytes'),
        archiveGigabyteMonth: (all('busBytes') * archiveDays) / daysPerMonth,
      }),
    ],
    ['logs', { logGigabyte: all('logBytes') }],
  ]);
}
