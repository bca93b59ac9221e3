import { Duration, Stack } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  DashboardVariable,
  DefaultValue,
  GraphWidget,
  type HorizontalAnnotation,
  type IMetric,
  type IWidget,
  MathExpression,
  SearchExpression,
  SingleValueWidget,
  TextWidget,
  Values,
  VariableInputType,
  VariableType,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { serviceDimension } from '../../lambdas/contracts/metrics.ts';
import type { Activity } from './activity.ts';
import type { Alarms } from './alarms.ts';
import type { Api } from './api.ts';
import { domainMetric, domainSchema, domainSearch, serviceOf } from './domain-metrics.ts';
import type { EventHistory } from './event-history.ts';
import type { FanoutFunction } from './fanout-function.ts';
import type { Inactivity } from './inactivity.ts';
import { deliveryMemoryMegabytes, type Routes } from './routes.ts';

export interface DashboardProps {
  readonly alarms: Alarms;
  readonly api: Api;
  readonly activity: Activity;
  readonly inactivity: Inactivity;
  readonly routes: Routes;
  readonly history: EventHistory | undefined;
  /** All functions of the stack, for what they cost. */
  readonly functions: readonly FanoutFunction<Record<string, string>>[];
}

/** Stands in the last row for the subscriber that is chosen above; the dashboard replaces it. */
const chosenSubscriber = 'CHOSEN_SUBSCRIBER';

/**
 * List prices in USD in us-east-1, for a sense of proportion and not for the books: free tiers and the cost of traces and
 * logs are left out. https://aws.amazon.com/pricing/
 */
const usdPerMillion = {
  lambdaGigabyteSecondArm: 13.3334,
  lambdaRequest: 0.2,
  httpApiRequest: 1,
  busEvent: 1,
  queueRequest: 0.4,
  tableWriteUnit: 0.625,
  tableReadUnit: 0.125,
} as const;

const hour = Duration.hours(1);

/**
 * One screen that answers, from the top: is anything lost, who is failing, how late are we, how much flows, what does it
 * cost. The last row is about one subscriber, chosen above.
 */
export class Dashboard extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.name = Stack.of(this).stackName;
    const dashboard = new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: this.name,
      defaultInterval: Duration.hours(3),
      variables: [
        new DashboardVariable({
          id: 'subscriber',
          label: 'Subscriber',
          type: VariableType.PATTERN,
          value: chosenSubscriber,
          inputType: VariableInputType.SELECT,
          values: Values.fromSearch(
            `${domainSchema('EventToDelivered')} MetricName="EventToDelivered" ${serviceDimension}="${serviceOf(this)}"`,
            'subscriptionId',
          ),
          defaultValue: DefaultValue.FIRST,
        }),
      ],
    });
    dashboard.addWidgets(
      question('Is anything lost?', 'Every figure is 0 on a good day. Each alarm has an article in docs/runbook.md.'),
      ...this.lost(props),
    );
    dashboard.addWidgets(question('Who is failing?', 'One line per subscriber.'), ...this.failing());
    dashboard.addWidgets(question('How late are we?', 'Up to 5 minutes is fine.'), ...this.late(props));
    dashboard.addWidgets(question('How much flows?', 'In, over the bus, out.'), ...this.flow(props));
    dashboard.addWidgets(
      question('What does it cost?', 'USD per hour at list prices (us-east-1), without logs, traces and free tiers.'),
      this.cost(props),
    );
    dashboard.addWidgets(question('One subscriber', 'Choose it at the top.'), ...this.oneSubscriber());
  }

  private lost({ alarms, activity, inactivity, routes, history }: DashboardProps): IWidget[] {
    const deadLetters: [string, IMetric][] = [
      ['activity', activity.queue.metricDeadLetters()],
      ['timers', inactivity.timers.metricDeadLetters()],
      ['control', routes.control.metricDeadLetters()],
      ['changes', routes.metricLostChanges()],
      ...(history === undefined ? [] : [['history', history.queue.metricDeadLetters()] satisfies [string, IMetric]]),
    ];
    return [
      new AlarmStatusWidget({ title: 'Alarms', alarms: alarms.alarms, width: 8, height: 4 }),
      new SingleValueWidget({
        title: 'Dead letters',
        metrics: [
          ...deadLetters.map(([label, metric]) => labelled(metric, label)),
          labelled(domainMetric(this, 'DeadLetters', 'Maximum', Duration.minutes(5)), 'subscribers'),
          labelled(domainMetric(this, 'RoutesNotRead', 'Maximum', Duration.minutes(5)), 'not read'),
          labelled(domainMetric(this, 'PublishFailed', 'Sum'), 'not published'),
        ],
        setPeriodToTimeRange: false,
        width: 6,
        height: 4,
      }),
      graph('Events exhausted', 7, [domainSearch(this, 'DeliveriesExhausted', 'Sum', { label: bySubscriber })]),
    ];
  }

  private failing(): IWidget[] {
    return [
      graph('Failed attempts', 9, [
        domainSearch(this, 'AttemptsFailed', 'Sum', {
          label: `${property('subscriptionId')} ${property('outcome')}`,
        }),
      ]),
      graph('Refused posts of Drift', 6, [
        domainSearch(this, 'EventsRefused', 'Sum', { label: property('reason') }),
        labelled(domainMetric(this, 'DriftTokenReadFailed', 'Sum'), 'token not read'),
        labelled(domainMetric(this, 'ActivityNotNoted', 'Sum'), 'activity not noted'),
      ]),
      graph('Routes', 6, [
        labelled(domainMetric(this, 'RoutesFailed', 'Sum'), 'failed'),
        labelled(domainMetric(this, 'SubscriptionsRejected', 'Sum'), 'rejected'),
        labelled(domainMetric(this, 'DifferencesLeft', 'Sum'), 'differ, whatever is written'),
        labelled(domainMetric(this, 'RoutesReconciled', 'Sum'), 'reconciled'),
      ]),
    ];
  }

  private late({ alarms, activity, inactivity, routes, history }: DashboardProps): IWidget[] {
    return [
      graph('Event to 2xx, p95, ms', 6, [domainSearch(this, 'EventToDelivered', 'p95', { label: bySubscriber })]),
      graph(
        'Oldest due delivery, s',
        5,
        [domainSearch(this, 'OldestDueDelivery', 'Maximum', { label: bySubscriber })],
        [alarms.thresholdOf('deliveries-late')],
      ),
      graph(
        'Inactivity after its second, ms',
        5,
        [
          labelled(domainMetric(this, 'InactivityLateness', 'p50'), 'p50'),
          labelled(domainMetric(this, 'InactivityLateness', 'Maximum'), 'worst'),
        ],
        [alarms.thresholdOf('inactivity-late')],
      ),
      graph(
        'Oldest message, s',
        5,
        [
          labelled(activity.queue.metricOldestMessageAge(), 'activity'),
          labelled(inactivity.timers.metricOldestMessageAge(), 'timers'),
          labelled(routes.control.metricOldestMessageAge(), 'control'),
          ...(history === undefined ? [] : [labelled(history.queue.metricOldestMessageAge(), 'history')]),
          new MathExpression({
            expression: 'changes / 1000',
            usingMetrics: { changes: routes.metricChangeAge() },
            label: 'subscription changes',
            period: Duration.minutes(1),
          }),
          new MathExpression({
            expression: 'unfollowed / 1000',
            usingMetrics: { unfollowed: domainMetric(this, 'OldestUnfollowedChange', 'Maximum') },
            label: 'changes found by the hourly run',
            period: Duration.minutes(1),
          }),
        ],
        [alarms.thresholdOf('provisioning-stuck', 1000)],
      ),
    ];
  }

  private flow({ api }: DashboardProps): IWidget[] {
    return [
      graph('In and over the bus', 7, [
        labelled(domainMetric(this, 'EventsReceived', 'Sum'), 'from Drift'),
        labelled(domainMetric(this, 'EventsBroadcast', 'Sum'), 'broadcast'),
        labelled(api.metricRequests(), 'requests to both APIs'),
      ]),
      graph('Delivered', 7, [domainSearch(this, 'EventToDelivered', 'SampleCount', { label: bySubscriber })]),
      graph('Inactivity', 7, [
        labelled(domainMetric(this, 'SweepCompleted', 'Sum'), 'sweeps'),
        labelled(domainMetric(this, 'TimersHandedOver', 'Sum'), 'timers handed over'),
        labelled(domainMetric(this, 'DueSweepCompleted', 'Sum'), 'sweeps of retries'),
        labelled(domainMetric(this, 'RetriesQueued', 'Sum'), 'retries put back'),
      ]),
    ];
  }

  private cost({ api, functions }: DashboardProps): IWidget {
    const prefix = serviceOf(this).replace('-', ' ');
    // Names are searched by their words: those made at run time begin with the route prefix, without `webhook`.
    const delivery = `${prefix} NOT webhook`;
    const spent = (label: string, expression: string, usingMetrics: Record<string, IMetric> = {}): MathExpression =>
      new MathExpression({ label, expression, usingMetrics, period: hour });
    const search = (schema: string, metric: string, where: string): string =>
      `SUM(SEARCH('${schema} MetricName="${metric}" ${where}', 'Sum', ${hour.toSeconds()}))`;
    const ofFunctions = (metric: string): string => search('{AWS/Lambda,FunctionName}', metric, delivery);
    const ofTables = (metric: string): string => search('{AWS/DynamoDB,TableName}', metric, prefix);

    const durations: Record<string, IMetric> = {};
    const gigabyteSeconds = functions.map(({ function: lambda, memoryMegabytes }, index) => {
      durations[`duration${index}`] = lambda.metricDuration({ statistic: 'Sum', period: hour });
      return `FILL(duration${index}, 0) * ${memoryMegabytes} / 1024 / 1000`;
    });
    const queueRequests = [
      'NumberOfMessagesSent',
      'NumberOfMessagesReceived',
      'NumberOfMessagesDeleted',
      'NumberOfEmptyReceives',
    ];
    return new GraphWidget({
      title: 'USD per hour',
      width: 21,
      height: 4,
      stacked: true,
      left: [
        spent(
          'functions of the stack',
          `(${gigabyteSeconds.join(' + ')}) * ${usdPerMillion.lambdaGigabyteSecondArm} / 1000000`,
          durations,
        ),
        spent(
          'delivery functions',
          `(${ofFunctions('Duration')} * ${deliveryMemoryMegabytes} / 1024 / 1000 * ${usdPerMillion.lambdaGigabyteSecondArm} + ${ofFunctions('Invocations')} * ${usdPerMillion.lambdaRequest}) / 1000000`,
        ),
        spent(
          'queues, at most',
          `(${queueRequests.map((metric) => search('{AWS/SQS,QueueName}', metric, prefix)).join(' + ')}) * ${usdPerMillion.queueRequest} / 1000000`,
        ),
        spent('bus', `FILL(broadcast, 0) * ${usdPerMillion.busEvent} / 1000000`, {
          broadcast: domainMetric(this, 'EventsBroadcast', 'Sum', hour),
        }),
        spent('APIs', `FILL(requests, 0) * ${usdPerMillion.httpApiRequest} / 1000000`, {
          requests: api.metricRequests(hour),
        }),
        spent(
          'tables',
          `(${ofTables('ConsumedWriteCapacityUnits')} * ${usdPerMillion.tableWriteUnit} + ${ofTables('ConsumedReadCapacityUnits')} * ${usdPerMillion.tableReadUnit}) / 1000000`,
        ),
      ],
    });
  }

  private oneSubscriber(): IWidget[] {
    const subscriber = `subscriptionId="${chosenSubscriber}"`;
    const queue = `${serviceOf(this)}-${chosenSubscriber}`;
    const ofQueue = (metric: string, name: string, statistic: string, label: string): SearchExpression =>
      new SearchExpression({
        period: Duration.minutes(1),
        expression: `SEARCH('{AWS/SQS,QueueName} MetricName="${metric}" QueueName="${name}"', '${statistic}', 60)`,
        label,
      });
    return [
      graph('Attempts by outcome', 6, [
        domainSearch(this, 'EventToDelivered', 'SampleCount', { where: subscriber, label: 'delivered' }),
        domainSearch(this, 'AttemptsFailed', 'Sum', { where: subscriber, label: property('outcome') }),
      ]),
      graph('Event to 2xx, ms', 5, [
        domainSearch(this, 'EventToDelivered', 'p50', { where: subscriber, label: 'p50' }),
        domainSearch(this, 'EventToDelivered', 'p95', { where: subscriber, label: 'p95' }),
      ]),
      graph('Waiting', 5, [
        ofQueue('ApproximateNumberOfMessagesVisible', queue, 'Maximum', 'due'),
        ofQueue('ApproximateNumberOfMessagesNotVisible', queue, 'Maximum', 'under way or waiting for a retry'),
        ofQueue('ApproximateNumberOfMessagesVisible', `${queue}-dlq`, 'Maximum', 'dead letters'),
      ]),
      graph('Given up', 5, [
        domainSearch(this, 'DeliveriesExhausted', 'Sum', { where: subscriber, label: 'exhausted' }),
      ]),
    ];
  }
}

/** CloudWatch fills in the value that a line of a search has in this dimension. */
function property(dimension: string): string {
  return `\${PROP('Dim.${dimension}')}`;
}

const bySubscriber = property('subscriptionId');

function question(title: string, hint: string): TextWidget {
  return new TextWidget({ markdown: `### ${title}\n${hint}`, width: 3, height: 4 });
}

function graph(
  title: string,
  width: number,
  left: IMetric[],
  leftAnnotations: HorizontalAnnotation[] = [],
): GraphWidget {
  return new GraphWidget({ title, width, height: 4, left, leftAnnotations, leftYAxis: { min: 0, showUnits: false } });
}

function labelled(metric: IMetric, label: string): IMetric {
  return 'with' in metric && typeof metric.with === 'function' ? metric.with({ label }) : metric;
}
