import { join } from 'node:path';
import { CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { MathExpression, type Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  type CfnFunction,
  FilterCriteria,
  FilterRule,
  type Function as LambdaFunctionConstruct,
  RecursiveLoop,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, LogGroup, MetricFilter, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deliveryFaults } from '../../lambdas/contracts/fault-filter.ts';
import { metricNamespace } from '../../lambdas/contracts/metrics.ts';
import { subscriptionRecords, tableSchemas } from '../../lambdas/contracts/table-schemas.ts';
import { healthAttributes } from '../../lambdas/domain/deliveries/endpoint-health.ts';
import { queueRetentionSeconds } from '../../lambdas/domain/deliveries/retry-schedule.ts';
import { eventSources, operationalEventTypes } from '../../lambdas/domain/events/event-types.ts';
import type { ProvisionEnv, Traces } from '../../lambdas/provision/env.ts';
import type { Alarms } from './alarms.ts';
import { domainMetric, serviceOf, worstOf } from './domain-metrics.ts';
import { type FanoutBus, onlyEvents } from './event-bus.ts';
import { explain, explainWildcard } from './explain.ts';
import { FanoutFunction } from './fanout-function.ts';
import { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import type { Tables } from './tables.ts';
import { type UnscopedAction, unscopedActions } from './unscoped-actions.ts';

/** What `provision` gives each delivery function (domain/routes/desired-route.ts), for what it costs. */
export const deliveryMemoryMegabytes = 256;

/** Between looks at the queues of all subscribers. */
const watchInterval = Duration.minutes(5);

export interface RoutesProps {
  readonly bundleDirectory: string;
  readonly bus: FanoutBus;
  readonly tables: Tables;
  readonly alarms: Alarms;
  readonly routePrefix: string;
  readonly outboundPolicy: 'public' | 'local';
  readonly traces: Traces;
  readonly legacyTimeline: string;
  /** Of failure, after which a subscription is disabled. */
  readonly disableAfterSeconds: string;
}

/** Changes with the code. */
function codeKeyOf(fn: LambdaFunctionConstruct): string {
  const { code } = fn.node.defaultChild as CfnFunction;
  return (code as CfnFunction.CodeProperty).s3Key ?? '';
}

/**
 * What makes a route (rule, queue, dead-letter queue, delivery function) for each subscription at run time: the
 * reconciler, what wakes it, and what the delivery functions are made of.
 */
export class Routes extends Construct {
  readonly provision: FanoutFunction<ProvisionEnv>;
  readonly control: QueueWithDeadLetters;
  readonly lostChanges: Queue;
  readonly deliveryRole: Role;

  constructor(scope: Construct, id: string, props: RoutesProps) {
    super(scope, id);
    const { bus, tables, alarms, routePrefix } = props;
    const stack = Stack.of(this);
    const names = `${routePrefix}-*`;
    const reason = `What is made at run time is named ${names}, and nothing else in the account is.`;
    const rules = {
      arn: stack.formatArn({ service: 'events', resource: 'rule', resourceName: `${bus.bus.eventBusName}/${names}` }),
      reason,
    };
    const queues = { arn: stack.formatArn({ service: 'sqs', resource: names }), reason };
    const functions = { arn: stack.formatArn({ service: 'lambda', resource: `function:${names}` }), reason };
    const mappings = {
      arn: stack.formatArn({ service: 'lambda', resource: 'event-source-mapping:*' }),
      reason: 'Lambda names mappings itself; a condition narrows it to those of the functions of routes.',
    };
    const ofItsFunctions = { ArnLike: { 'lambda:FunctionArn': functions.arn } };

    // One route takes 5 to 20 s, mostly waiting for Lambda; what is left over is handed on through the control queue. A
    // crash is seen again after six times this.
    const timeout = Duration.minutes(5);
    this.control = new QueueWithDeadLetters(this, 'Control', {
      alarms,
      consumerTimeout: timeout,
      maxReceiveCount: 5,
      usersLose: 'Deliveries to a subscriber that fails stay throttled, or are not throttled, for up to an hour.',
      article: 'control-dead-letters',
    });

    const deliveryLogs = new LogGroup(this, 'DeliveryLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.deliveryRole = new Role(this, 'DeliveryRole', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: 'What every delivery function may do',
    });
    deliveryLogs.grantWrite(this.deliveryRole);
    const deliver = (actions: string[], resources: string[], conditions: Record<string, unknown> = {}): void => {
      this.deliveryRole.addToPolicy(new PolicyStatement({ actions, resources, conditions }));
    };
    deliver(['dynamodb:BatchGetItem'], [tables.subscriptions.tableArn, tables.deliveries.tableArn]);
    // Not the url of another subscription, nor its secrets.
    const { partitionKey, sortKey } = tableSchemas.subscriptions;
    deliver(['dynamodb:UpdateItem'], [tables.subscriptions.tableArn], {
      'ForAllValues:StringEquals': {
        'dynamodb:Attributes': [partitionKey, sortKey, 'appliedEndpoint', ...healthAttributes],
      },
    });
    deliver(['dynamodb:BatchWriteItem', 'dynamodb:PutItem'], [tables.deliveries.tableArn]);
    const aboutDeliveries = onlyEvents([eventSources.fanout], Object.values(operationalEventTypes));
    deliver(['events:PutEvents'], [bus.bus.eventBusArn], aboutDeliveries);
    deliver(['sqs:SendMessage'], [this.control.queue.queueArn]);
    deliver(
      ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
      [queues.arn],
    );
    explainWildcard(this.deliveryRole, queues.arn, queues.reason);
    if (props.traces === 'on') {
      // An attempt belongs to the trace of Drift's post.
      const segments: UnscopedAction = 'xray:PutTraceSegments';
      deliver([segments], ['*']);
      explainWildcard(this.deliveryRole, '*', `${segments} ${unscopedActions[segments]}`);
    }

    const tags = stack.tags.tagValues();
    const deliveryCode = new Asset(this, 'DeliveryCode', { path: join(props.bundleDirectory, 'deliver') });

    const environment: ProvisionEnv = {
      SUBSCRIPTIONS_TABLE: tables.subscriptions.tableName,
      DELIVERIES_TABLE: tables.deliveries.tableName,
      EVENT_BUS_NAME: bus.bus.eventBusName,
      ROUTE_PREFIX: routePrefix,
      DELIVER_CODE_BUCKET: deliveryCode.s3BucketName,
      DELIVER_CODE_KEY: deliveryCode.s3ObjectKey,
      DELIVER_ROLE_ARN: this.deliveryRole.roleArn,
      DELIVER_LOG_GROUP: deliveryLogs.logGroupName,
      TAGS: JSON.stringify(tags),
      CONTROL_QUEUE_URL: this.control.queue.queueUrl,
      OUTBOUND_POLICY: props.outboundPolicy,
      TRACES: props.traces,
      // "Allow a short period of time": https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html.
      // The local run's rules match at once.
      RULE_SETTLE_SECONDS: props.outboundPolicy === 'local' ? '0' : '30',
      LEGACY_TIMELINE: props.legacyTimeline,
      DISABLE_AFTER_SECONDS: props.disableAfterSeconds,
    };
    this.provision = new FanoutFunction<ProvisionEnv>(this, 'Provision', {
      lambda: 'provision',
      bundleDirectory: props.bundleDirectory,
      description: "Brings every subscription's route to its desired state",
      memoryMegabytes: 512,
      timeout,
      // It sends itself messages (a probe, the next step of a ramp): no runaway loop.
      recursiveLoop: RecursiveLoop.ALLOW,
      environment,
    });
    // Each works on several routes at once, and all share Lambda's 15 control-plane calls a second with the account.
    this.provision.consume(this.control, { batchSize: 10, maxConcurrency: 2 });
    this.provision.allow(
      [
        ...['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Scan'],
        ...['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
      ],
      [tables.subscriptions.tableArn],
    );
    this.provision.allow(['sqs:SendMessage'], [this.control.queue.queueArn]);
    // What is due in the ledger goes back into its subscriber's queue.
    this.provision.allow(['dynamodb:Query'], [tables.dueIndexArn, tables.undeliveredIndexArn]);
    this.provision.allow(['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], [tables.deliveries.tableArn]);
    this.provision.allow(['events:PutEvents'], [bus.bus.eventBusArn], aboutDeliveries);
    this.provision.allowNamed(
      [
        'events:PutRule',
        'events:DescribeRule',
        'events:DeleteRule',
        'events:RemoveTargets',
        'events:ListTargetsByRule',
      ],
      rules,
    );
    // Not to a queue of another account, or to whatever else a rule can be pointed at.
    this.provision.allowNamed(['events:PutTargets'], rules, {
      'ForAllValues:ArnLike': { 'events:TargetArn': queues.arn },
    });
    this.provision.allowNamed(
      ['sqs:CreateQueue', 'sqs:GetQueueAttributes', 'sqs:SetQueueAttributes', 'sqs:DeleteQueue', 'sqs:SendMessage'],
      queues,
    );
    this.provision.allowNamed(
      [
        'lambda:CreateFunction',
        'lambda:GetFunction',
        'lambda:UpdateFunctionCode',
        'lambda:UpdateFunctionConfiguration',
        'lambda:DeleteFunction',
        'lambda:InvokeFunction',
        'lambda:GetFunctionRecursionConfig',
        'lambda:PutFunctionRecursionConfig',
      ],
      functions,
    );
    if (Object.keys(tags).length > 0) {
      this.provision.allowNamed(['events:TagResource'], rules);
      this.provision.allowNamed(['sqs:TagQueue'], queues);
      this.provision.allowNamed(['lambda:TagResource'], functions);
    }
    this.provision.allowNamed(
      ['lambda:UpdateEventSourceMapping', 'lambda:DeleteEventSourceMapping'],
      mappings,
      ofItsFunctions,
    );
    this.provision.allowUnscoped(['lambda:CreateEventSourceMapping'], ofItsFunctions);
    // What is there of routes, whatever the subscriptions table says.
    this.provision.allowUnscoped([
      'events:ListRules',
      'sqs:ListQueues',
      'lambda:ListFunctions',
      'lambda:ListEventSourceMappings',
      'lambda:GetAccountSettings',
    ]);
    this.provision.allow(['iam:PassRole'], [this.deliveryRole.roleArn], {
      StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' },
    });
    // A bucket that was deleted can be made anew by anybody, under the same name.
    this.provision.allow(['s3:GetObject'], [deliveryCode.bucket.arnForObjects(deliveryCode.s3ObjectKey)], {
      StringEquals: { 'aws:ResourceAccount': stack.account },
    });

    this.lostChanges = new Queue(this, 'LostChanges', {
      retentionPeriod: Duration.seconds(queueRetentionSeconds),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    explain(this.lostChanges, 'SQS3', 'It is a dead-letter queue itself: that of the stream of subscriptions.');
    const { tableStreamArn } = tables.subscriptions;
    if (tableStreamArn === undefined) throw new Error('the subscriptions table has no stream');
    this.provision.allow(
      ['dynamodb:DescribeStream', 'dynamodb:GetShardIterator', 'dynamodb:GetRecords'],
      [tableStreamArn],
    );
    this.provision.allowUnscoped(['dynamodb:ListStreams']);
    // CDK's own destination would let the function read the queue's attributes as well.
    this.provision.allow(['sqs:SendMessage'], [this.lostChanges.queueArn]);
    this.provision.function.addEventSourceMapping('SubscriptionChanges', {
      eventSourceArn: tableStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 10,
      retryAttempts: 10,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      onFailure: { bind: () => ({ destination: this.lostChanges.queueArn }) },
      // What the system writes (`state`) never wakes the system.
      filters: [
        FilterCriteria.filter({
          dynamodb: { Keys: { record: { S: FilterRule.isEqual(subscriptionRecords.config) } } },
        }),
      ],
    });

    new Rule(this, 'EveryMinute', {
      description: 'Retries that are due go back into the queues of their subscribers',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(this.provision.function, {
          event: RuleTargetInput.fromObject({ action: 'sweep-due' }),
          // The next one finds what a sweep that failed has left.
          retryAttempts: 0,
        }),
      ],
    });
    new Rule(this, 'EveryFiveMinutes', {
      description: 'The depth of all queues of subscribers is looked at',
      schedule: Schedule.rate(watchInterval),
      targets: [
        new LambdaFunction(this.provision.function, {
          event: RuleTargetInput.fromObject({ action: 'watch-routes' }),
          retryAttempts: 0,
        }),
      ],
    });
    new Rule(this, 'EveryHour', {
      description: 'Every route is looked at, whatever was missed',
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [
        new LambdaFunction(this.provision.function, {
          event: RuleTargetInput.fromObject({ action: 'reconcile-all' }),
          retryAttempts: 2,
        }),
      ],
    });

    const routes = new CustomResource(this, 'Routes', {
      resourceType: 'Custom::Routes',
      serviceToken: this.provision.function.functionArn,
      // CloudFormation updates a resource whose properties change. All that a route is made of is in these, so a deploy brings
      // any change of it to every subscriber.
      properties: { ProvisionCode: codeKeyOf(this.provision.function), Environment: environment },
      // A teardown of many routes carries on from one invocation to the next.
      serviceTimeout: Duration.hours(1),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Taken down in reverse: first all routes, then what clearing them up needs.
    routes.node.addDependency(this.provision, this.deliveryRole, this.control, deliveryLogs, bus, tables);

    this.raiseAlarms(alarms, bus, deliveryLogs);
  }

  private raiseAlarms(alarms: Alarms, bus: FanoutBus, deliveryLogs: LogGroup): void {
    const quarterHour = Duration.minutes(15);
    alarms.raise({
      article: 'changes-lost',
      usersLose: 'A change to a subscription takes up to an hour to come into force.',
      metric: this.metricLostChanges(),
      threshold: 1,
    });
    alarms.raise({
      article: 'provisioning-failing',
      usersLose: 'New and changed subscriptions do not come into force.',
      metric: new MathExpression({
        expression: 'FILL(routes, 0) + FILL(crashes, 0)',
        usingMetrics: {
          routes: domainMetric(this, 'RoutesFailed', 'Sum', quarterHour),
          crashes: this.provision.function.metricErrors({ statistic: 'Sum', period: quarterHour }),
        },
        label: 'routes and invocations that failed',
        period: quarterHour,
      }),
      // A route that keeps failing is tried 6 times in that time. What AWS asks to wait for does not count.
      threshold: 5,
    });
    alarms.raise({
      article: 'provisioning-stuck',
      usersLose: 'New and changed subscriptions wait to come into force.',
      metric: this.metricChangeAge(),
      threshold: Duration.minutes(5).toMilliseconds(),
      evaluationPeriods: 5,
    });
    alarms.raise({
      article: 'deliveries-late',
      usersLose: 'A subscriber gets its events more than 5 minutes late.',
      metric: worstOf(this, 'OldestDueDelivery', 'subscriptionId'),
      threshold: 300,
      evaluationPeriods: 5,
      badPeriods: 1,
    });
    alarms.raise({
      article: 'retries-not-swept',
      usersLose: 'Failed deliveries are not tried again once their next attempt is more than minutes away.',
      metric: domainMetric(this, 'DueSweepCompleted', 'Sum'),
      threshold: 1,
      comparison: 'below',
      evaluationPeriods: 5,
      missing: 'breaching',
    });
    alarms.raise({
      article: 'delivery-functions-failing',
      usersLose: 'Deliveries are repeated or late, and after days of it they end in a dead-letter queue.',
      metric: new MetricFilter(this, 'DeliveryFaults', {
        logGroup: deliveryLogs,
        // An alarm cannot look at functions by how their names begin, but all delivery functions write JSON to this group.
        filterPattern: FilterPattern.literal(deliveryFaults),
        metricNamespace: `${metricNamespace}/${serviceOf(this)}`,
        metricName: 'DeliveryFaults',
        metricValue: '1',
      }).metric({ statistic: 'Sum', period: quarterHour }),
      threshold: 3,
    });
    alarms.raise({
      article: 'subscriber-dead-letters',
      usersLose: 'The events in the dead-letter queue of a subscriber, until they are put back.',
      metric: domainMetric(this, 'DeadLetters', 'Maximum', watchInterval),
      threshold: 1,
    });
    alarms.raise({
      article: 'deliveries-not-read',
      usersLose: 'Events wait in the queue of a subscriber and nothing delivers them, or nobody looks whether they do.',
      metric: domainMetric(this, 'RoutesNotRead', 'Maximum', watchInterval),
      threshold: 1,
      // Two looks in a row: at one, all may be between two batches. Three periods without a look are as bad.
      evaluationPeriods: 3,
      badPeriods: 2,
      missing: 'breaching',
    });
    alarms.raise({
      article: 'routing-failing',
      usersLose: 'Events that the bus could not hand to the queue of a subscriber or of the activity tracker.',
      metric: byRule(bus, 'FailedInvocations'),
      threshold: 1,
    });
    // What ends in a dead-letter queue may not count as failed: see "DeadLetterInvocations" in
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html.
    alarms.raise({
      article: 'routing-dead-letters',
      usersLose: 'Events that the bus put into a dead-letter queue, until they are put back.',
      metric: byRule(bus, 'InvocationsSentToDlq'),
      threshold: 1,
    });
    alarms.raise({
      article: 'routing-lost',
      usersLose: 'Events that neither a queue nor its dead-letter queue took. The archive has them.',
      metric: byRule(bus, 'InvocationsFailedToBeSentToDlq'),
      threshold: 1,
    });
    alarms.raise({
      article: 'changes-not-followed',
      usersLose: 'A change to a subscription takes up to an hour to come into force.',
      // What the stream should have brought within seconds is left to the hourly run: IteratorAge has no figure while the
      // stream's mapping is off.
      metric: domainMetric(this, 'OldestUnfollowedChange', 'Maximum', Duration.minutes(5)),
      threshold: Duration.minutes(5).toMilliseconds(),
    });
  }

  metricLostChanges(): Metric {
    return this.lostChanges.metricApproximateNumberOfMessagesVisible({
      statistic: 'Maximum',
      period: Duration.minutes(1),
    });
  }

  /** How old a change of a subscription is when it is taken up; milliseconds. */
  metricChangeAge(): Metric {
    return this.provision.function.metric('IteratorAge', { statistic: 'Maximum', period: Duration.minutes(1) });
  }
}

function byRule({ bus }: FanoutBus, metric: string): MathExpression {
  return new MathExpression({
    expression: `SELECT SUM(${metric}) FROM SCHEMA("AWS/Events", EventBusName, RuleName) WHERE EventBusName = '${bus.eventBusName}' GROUP BY RuleName ORDER BY SUM() DESC`,
    label: metric,
    period: Duration.minutes(1),
  });
}
