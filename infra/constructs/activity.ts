import { Duration } from 'aws-cdk-lib';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { eventSources } from '../../lambdas/domain/events/event-types.ts';
import { timerEventTypes } from '../../lambdas/domain/inactivity/activity.ts';
import type { TrackActivityEnv } from '../../lambdas/inactivity/track/env.ts';
import type { Alarms } from './alarms.ts';
import type { FanoutBus } from './event-bus.ts';
import { FanoutFunction } from './fanout-function.ts';
import type { Inactivity } from './inactivity.ts';
import { queueTarget } from './queue-target.ts';
import { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import type { Tables } from './tables.ts';

export interface ActivityProps {
  readonly bundleDirectory: string;
  readonly bus: FanoutBus;
  readonly tables: Tables;
  readonly inactivity: Inactivity;
  readonly alarms: Alarms;
  readonly quietPeriodSeconds: string;
}

/** Notes when something last happened in a conversation, and arms its timer. */
export class Activity extends Construct {
  readonly queue: QueueWithDeadLetters;
  readonly trackActivity: FanoutFunction<TrackActivityEnv>;

  constructor(scope: Construct, id: string, props: ActivityProps) {
    super(scope, id);
    const { bus, tables, inactivity } = props;
    const timeout = Duration.seconds(30);
    // Long enough that a busy hour makes few invocations. How late an activity comes does not matter to a timer that is
    // due: ingest has noted that it was accepted (docs/decisions/0005).
    const batchingWindow = Duration.seconds(2);
    this.queue = new QueueWithDeadLetters(this, 'Activity', {
      alarms: props.alarms,
      consumerTimeout: timeout,
      batchingWindow,
      maxReceiveCount: 5,
      usersLose: 'conversation_inactive for the conversations concerned: too early, or never.',
      article: 'activity-dead-letters',
    });
    this.trackActivity = new FanoutFunction<TrackActivityEnv>(this, 'TrackActivity', {
      lambda: 'track-activity',
      bundleDirectory: props.bundleDirectory,
      description: "Notes each conversation's last activity and arms its inactivity timer",
      memoryMegabytes: 256,
      timeout,
      environment: {
        CONVERSATIONS_TABLE: tables.conversations.tableName,
        SETTINGS_TABLE: tables.settings.tableName,
        TIMERS_QUEUE_URL: inactivity.timers.queue.queueUrl,
        DEFAULT_QUIET_PERIOD_SECONDS: props.quietPeriodSeconds,
      },
    });
    this.trackActivity.consume(this.queue, { batchSize: 100, maxBatchingWindow: batchingWindow });
    this.trackActivity.allow(
      ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      [tables.conversations.tableArn],
    );
    this.trackActivity.allow(['dynamodb:BatchGetItem'], [tables.settings.tableArn]);
    this.trackActivity.allow(['sqs:SendMessage'], [inactivity.timers.queue.queueArn]);

    new Rule(this, 'Rule', {
      eventBus: bus.bus,
      description: 'What moves or settles an inactivity timer. Not what is derived: a mirrored close is not a close.',
      eventPattern: {
        source: [eventSources.drift, eventSources.retired],
        detailType: [...timerEventTypes],
        detail: { cause: Match.doesNotExist() },
      },
      // What the bus cannot hand over within a day goes to the dead letters instead of nowhere.
      targets: [queueTarget(this.queue)],
    });
  }
}
