import { GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { awsFailure } from '../aws-errors.ts';
import type { DeployedStack } from './deployed-stack.ts';

/** Whether the stack has a queue for a subscription of this id: then it has, or had a moment ago, the subscription. */
export async function hasSubscriberQueue(stack: DeployedStack, subscriptionId: string): Promise<boolean> {
  const QueueName = `${stack.routePrefix}-${subscriptionId}`;
  try {
    await new SQSClient(stack.client).send(new GetQueueUrlCommand({ QueueName }));
    return true;
  } catch (error) {
    if (isMissingQueue(error)) return false;
    throw awsFailure(error, `the queue ${QueueName} could not be found`);
  }
}

export function isMissingQueue(error: unknown): boolean {
  return error instanceof Error && /QueueDoesNotExist|NonExistentQueue/.test(error.name);
}
