import { Duration } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { type DeadLetterQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { queueRetentionSeconds } from '../../lambdas/domain/deliveries/retry-schedule.ts';
import type { Alarms } from './alarms.ts';

export interface QueueWithDeadLettersProps {
  readonly alarms: Alarms;
  /** The timeout of the function that consumes the queue. */
  readonly consumerTimeout: Duration;
  /** How long the consumer's mapping gathers a batch. */
  readonly batchingWindow?: Duration;
  /** How often a message is handed out before it counts as dead. */
  readonly maxReceiveCount: number;
  /** What users lose when a message lands in the dead-letter queue. The alarm says it. */
  readonly usersLose: string;
  /** The article of docs/runbook.md, and the alarm's name after the stack's. */
  readonly article: string;
}

/** A queue, its dead-letter queue, and the alarm on the latter. */
export class QueueWithDeadLetters extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly consumerTimeout: Duration;

  constructor(scope: Construct, id: string, props: QueueWithDeadLettersProps) {
    super(scope, id);
    this.consumerTimeout = props.consumerTimeout;
    this.deadLetters = new Queue(this, 'DeadLetters', {
      retentionPeriod: Duration.seconds(queueRetentionSeconds),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    });
    const deadLetterQueue: DeadLetterQueue = { queue: this.deadLetters, maxReceiveCount: props.maxReceiveCount };
    this.queue = new Queue(this, 'Queue', {
      retentionPeriod: Duration.seconds(queueRetentionSeconds),
      // Six times the consumer's timeout, plus the window: what Lambda asks for, so that a throttled batch is not
      // handed out twice. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(
        6 * props.consumerTimeout.toSeconds() + (props.batchingWindow?.toSeconds() ?? 0),
      ),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      deadLetterQueue,
    });
    props.alarms.raise({
      article: props.article,
      usersLose: props.usersLose,
      metric: this.metricDeadLetters(),
      threshold: 1,
    });
  }

  metricDeadLetters(): Metric {
    return this.deadLetters.metricApproximateNumberOfMessagesVisible({
      statistic: 'Maximum',
      period: Duration.minutes(1),
    });
  }

  metricOldestMessageAge(): Metric {
    return this.queue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: Duration.minutes(1) });
  }
}
