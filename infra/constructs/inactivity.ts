import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { eventSources, eventTypes } from '../../lambdas/domain/events/event-types.ts';
import { sweepIntervalSeconds } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import type { EmitInactivityEnv } from '../../lambdas/inactivity/emit/env.ts';
import type { SweepInactivityEnv } from '../../lambdas/inactivity/sweep/env.ts';
import type { Alarms } from './alarms.ts';
import { domainMetric } from './domain-metrics.ts';
import { type FanoutBus, onlyEvents } from './event-bus.ts';
import { FanoutFunction } from './fanout-function.ts';
import { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import type { Tables } from './tables.ts';

export interface InactivityProps {
  readonly bundleDirectory: string;
  readonly bus: FanoutBus;
  readonly tables: Tables;
  readonly alarms: Alarms;
  readonly quietPeriodSeconds: string;
  readonly legacyTimeline: string;
}

/** Finds the timers that come due, once a minute, and fires each to the second. */
export class Inactivity extends Construct {
  readonly timers: QueueWithDeadLetters;
  readonly sweep: FanoutFunction<SweepInactivityEnv>;
  readonly emit: FanoutFunction<EmitInactivityEnv>;

  constructor(scope: Construct, id: string, props: InactivityProps) {
    super(scope, id);
    const { bus, tables, alarms } = props;
    // Short, because a timer that failed is seen again after six times this.
    const emitTimeout = Duration.seconds(10);
    this.timers = new QueueWithDeadLetters(this, 'Timers', {
      alarms,
      consumerTimeout: emitTimeout,
      maxReceiveCount: 5,
      usersLose: 'conversation_inactive comes late: the next sweep hands the timer over again.',
      article: 'timers-dead-letters',
    });

    this.sweep = new FanoutFunction<SweepInactivityEnv>(this, 'Sweep', {
      lambda: 'sweep-inactivity',
      bundleDirectory: props.bundleDirectory,
      description: 'Hands the timers that fall due before the next sweep to the timers queue',
      memoryMegabytes: 256,
      // Ends before the next one begins.
      timeout: Duration.seconds(sweepIntervalSeconds - 5),
      environment: {
        CONVERSATIONS_TABLE: tables.conversations.tableName,
        TIMERS_QUEUE_URL: this.timers.queue.queueUrl,
      },
    });
    this.sweep.allow(['dynamodb:Query'], [tables.timersIndexArn]);
    this.sweep.allow(['sqs:SendMessage'], [this.timers.queue.queueArn]);
    // Lambda itself would repeat a sweep that failed twice, beside the next ones, and keep one that was throttled for hours.
    this.sweep.function.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, 'EveryMinute', {
      description: 'The sweep for inactivity timers',
      schedule: Schedule.rate(Duration.seconds(sweepIntervalSeconds)),
      // A sweep that failed is not repeated: the next one finds what it left.
      targets: [new LambdaFunction(this.sweep.function, { retryAttempts: 0 })],
    });

    this.emit = new FanoutFunction<EmitInactivityEnv>(this, 'Emit', {
      lambda: 'emit-inactivity',
      bundleDirectory: props.bundleDirectory,
      description: 'Fires an inactivity timer or arms it again',
      memoryMegabytes: 256,
      timeout: emitTimeout,
      // A conversation that stays busy under a short quiet period is re-armed through the queue again and again. Lambda
      // would take that for a runaway loop and stop it after 16 rounds.
      // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
      recursiveLoop: RecursiveLoop.ALLOW,
      environment: {
        CONVERSATIONS_TABLE: tables.conversations.tableName,
        SETTINGS_TABLE: tables.settings.tableName,
        TIMERS_QUEUE_URL: this.timers.queue.queueUrl,
        EVENT_BUS_NAME: bus.bus.eventBusName,
        DEFAULT_QUIET_PERIOD_SECONDS: props.quietPeriodSeconds,
        LEGACY_TIMELINE: props.legacyTimeline,
      },
    });
    // No window: a timer is to fire at its second.
    this.emit.consume(this.timers, { batchSize: 10 });
    this.emit.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.conversations.tableArn]);
    this.emit.allow(['dynamodb:BatchGetItem'], [tables.settings.tableArn]);
    this.emit.allow(['sqs:SendMessage'], [this.timers.queue.queueArn]);
    this.emit.allow(
      ['events:PutEvents'],
      [bus.bus.eventBusArn],
      onlyEvents(
        [eventSources.drift],
        // The last while the legacy event is mirrored.
        [eventTypes.conversationInactive, eventTypes.conversationPush, eventTypes.conversationStatusUpdated],
      ),
    );

    alarms.raise({
      article: 'sweep-not-running',
      usersLose: 'conversation_inactive and its conversation_push come later and later, for all conversations.',
      metric: domainMetric(this, 'SweepCompleted', 'Sum'),
      threshold: 1,
      comparison: 'below',
      evaluationPeriods: 5,
      missing: 'breaching',
    });
    alarms.raise({
      article: 'inactivity-late',
      usersLose: 'conversation_inactive and its conversation_push come more than 2 minutes late.',
      metric: domainMetric(this, 'InactivityLateness', 'Maximum'),
      threshold: 120_000,
      // One bad minute counts: after an outage all that is overdue may come within one.
      evaluationPeriods: 5,
      badPeriods: 1,
    });
  }
}
