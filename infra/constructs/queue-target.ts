import type { IRuleRef, IRuleTarget } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';

/**
 * Sends a rule's events to a queue, and what the bus cannot hand over to its dead letters. Unlike CDK's `SqsQueue`, it
 * lets the rule send and nothing else: the bus asks neither for the queue's url nor for its attributes.
 */
export function queueTarget({ queue, deadLetters }: QueueWithDeadLetters): IRuleTarget {
  return {
    bind(rule) {
      for (const each of [queue, deadLetters]) letSend(each, rule);
      return { arn: queue.queueArn, targetResource: queue, deadLetterConfig: { arn: deadLetters.queueArn } };
    },
  };
}

function letSend(queue: IQueue, { ruleRef }: IRuleRef): void {
  queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': ruleRef.ruleArn } },
    }),
  );
}
