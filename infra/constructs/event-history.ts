import { Duration } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { eventSources } from '../../lambdas/domain/events/event-types.ts';
import type { RecordEventsEnv } from '../../lambdas/record-events/env.ts';
import type { Alarms } from './alarms.ts';
import type { FanoutBus } from './event-bus.ts';
import { FanoutFunction } from './fanout-function.ts';
import { queueTarget } from './queue-target.ts';
import { QueueWithDeadLetters } from './queue-with-dead-letters.ts';

export interface EventHistoryProps {
  readonly bundleDirectory: string;
  readonly bus: FanoutBus;
  readonly events: Table;
  readonly alarms: Alarms;
  /** How long an event is kept. */
  readonly days: number;
}

/** Keeps what came: each published event once, found by id, by time and by conversation. No delivery waits for it. */
export class EventHistory extends Construct {
  readonly queue: QueueWithDeadLetters;
  readonly recordEvents: FanoutFunction<RecordEventsEnv>;

  constructor(scope: Construct, id: string, props: EventHistoryProps) {
    super(scope, id);
    const timeout = Duration.seconds(30);
    // Nobody waits for the history: full batches make it cheap.
    const batchingWindow = Duration.seconds(2);
    this.queue = new QueueWithDeadLetters(this, 'History', {
      alarms: props.alarms,
      consumerTimeout: timeout,
      batchingWindow,
      maxReceiveCount: 5,
      usersLose: 'Nothing is lost or late for subscribers; the events concerned are missing in the event history.',
      article: 'history-dead-letters',
    });
    this.recordEvents = new FanoutFunction<RecordEventsEnv>(this, 'RecordEvents', {
      lambda: 'record-events',
      bundleDirectory: props.bundleDirectory,
      description: 'Writes each published event into the event history',
      memoryMegabytes: 256,
      timeout,
      environment: { EVENTS_TABLE: props.events.tableName, EVENT_HISTORY_DAYS: String(props.days) },
    });
    this.recordEvents.consume(this.queue, { batchSize: 100, maxBatchingWindow: batchingWindow });
    this.recordEvents.allow(['dynamodb:PutItem'], [props.events.tableArn]);

    new Rule(this, 'Rule', {
      eventBus: props.bus.bus,
      description: 'All that is published, once: not what a replay brings again.',
      eventPattern: { source: Object.values(eventSources), 'replay-name': Match.doesNotExist() } as never,
      targets: [queueTarget(this.queue)],
    });
  }
}
