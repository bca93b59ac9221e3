import { deliveriesPerSecond } from '../batches.ts';
import type { Case } from '../case.ts';
import { awsCallMs, computingMs, hoursPerMonth, pollSeconds, secondsPerMonth } from '../stated.ts';
import type { Scheduled, Units } from '../units.ts';
import { type Quantities, sumOf, times } from '../usage.ts';
import { invocations } from './lambda.ts';

/** What a month costs whether anything happens or not: each line by what it is. */
export interface BaseLine {
  readonly what: string;
  readonly quantities: Quantities;
}

const pollsPerConnection = secondsPerMonth / pollSeconds;

export function baseLines(load: Case, units: Units): BaseLine[] {
  const { subscribers } = load;
  const { template, metrics, scheduled } = units;
  const { byTwo, byFive } = template.polledQueues;
  // At Lambda's own maximum no bound is set (lambdas/aws/lambda-route-functions.ts).
  const pollers = load.maxConcurrency >= 1000 ? 2 : template.subscriberPollers;
  const watched = template.searchedMetrics.filter((name) => metrics.perSubscriber.includes(name)).length;
  const history = load.historyDays === 0 ? 1 : 0;
  const ownPolls = (2 * (byTwo - history) + 5 * byFive) * pollsPerConnection;
  const heard = subscribers * hoursShare(deliveriesPerSecond(load));
  const own = [...metrics.atRest, ...(subscribers > 0 ? metrics.withSubscribers : [])];
  const underLoad = metrics.underLoad.length * hoursShare(load.rate);
  return [
    { what: 'the dashboard', quantities: { dashboardMonth: template.dashboards } },
    { what: `${template.alarmMetrics} metrics that alarms watch`, quantities: { alarmMonth: template.alarmMetrics } },
    {
      what: `metrics of the stack: ${own.length}${load.rate > 0 ? `, and ${metrics.underLoad.length} while events come` : ''}`,
      quantities: { metricMonth: own.length + underLoad },
    },
    { what: `polling of ${byTwo - history + byFive} queues of the stack`, quantities: { queueRequest: ownPolls } },
    { what: 'the secret with Drift’s token', quantities: { secretMonth: template.secrets } },
    ...scheduled.map((one) => ({ what: one.what, quantities: usageOfSchedule(one, load) })),
    {
      what: 'polling of subscribers’ queues',
      quantities: { queueRequest: subscribers * pollers * pollsPerConnection },
    },
    {
      what: `metrics of subscribers: ${metrics.perSubscriber.length} each, in hours with events`,
      quantities: { metricMonth: metrics.perSubscriber.length * heard },
    },
    { what: 'alarms that watch a metric of each subscriber', quantities: { alarmMonth: watched * heard } },
  ];
}

/** For each metric: it is billed by the hour in which it has a figure. */
function hoursShare(perSecond: number): number {
  return 1 - Math.exp(-perSecond * 3600);
}

function usageOfSchedule(scheduled: Scheduled, { subscribers, traces }: Case): Quantities {
  const runs = scheduled.runsPerHour * hoursPerMonth;
  const calls = scheduled.noneCalls + subscribers * scheduled.perSubscriberCalls;
  const milliseconds = computingMs['by the clock'].perBatch + calls * awsCallMs;
  const run = sumOf(
    invocations(1, milliseconds, scheduled.memoryMegabytes),
    scheduled.none,
    times(scheduled.perSubscriber, subscribers),
    // Seldom enough that each is the first of its second.
    { trace: traces && scheduled.isTraced ? 1 : 0 },
  );
  return times(run, runs);
}
