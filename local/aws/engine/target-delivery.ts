import { EngineError } from './engine-error.ts';
import type { Queues } from './queues.ts';
import type { DeliverToTarget, DeliveryResult, TargetDelivery } from './target-sender.ts';

export interface TargetDeliveryOptions {
  readonly queues: Queues;
  /** Whether a queue's policy lets a rule send to it. */
  readonly allowsSend: (queueArn: string, ruleArn: string) => boolean;
  /**
   * As Lambda's asynchronous invocation: takes the event for later (its retries are Lambda's). `EngineError`
   * `ResourceNotFoundException` where the function is not there, `AccessDeniedException` where it does not allow it.
   */
  readonly invokeAsync: (
    functionArn: string,
    payload: string,
    ruleArn: string,
    traceHeader?: string,
  ) => void | Promise<void>;
}

/** Hands events to queues, where their policies allow it, and to functions. */
export function deliverToQueuesAndFunctions({
  queues,
  allowsSend,
  invokeAsync,
}: TargetDeliveryOptions): DeliverToTarget {
  const sendToQueue = ({
    targetArn,
    ruleArn,
    payload,
    traceHeader,
    attributes = {},
  }: TargetDelivery): DeliveryResult => {
    const queue = queues.findByArn(targetArn);
    if (queue === undefined) return rejected('NO_RESOURCE', `The queue ${targetArn} does not exist.`);
    if (!allowsSend(queue.arn, ruleArn)) {
      return rejected(
        'NO_PERMISSIONS',
        `The policy of the queue ${targetArn} does not allow ${ruleArn} to send to it.`,
      );
    }
    const names = Object.keys(attributes);
    const message = traceHeader === undefined ? { body: payload } : { body: payload, awsTraceHeader: traceHeader };
    queue.send(
      names.length === 0
        ? message
        : {
            ...message,
            attributes: Object.fromEntries(
              names.map((name) => [name, { DataType: 'String', StringValue: attributes[name] as string }]),
            ),
          },
      'events.amazonaws.com',
    );
    return { kind: 'delivered' };
  };
  const deliver: DeliverToTarget = (delivery) => {
    if (delivery.targetArn.startsWith('arn:aws:sqs:')) return sendToQueue(delivery);
    const invoked = invokeAsync(delivery.targetArn, delivery.payload, delivery.ruleArn, delivery.traceHeader);
    return invoked instanceof Promise ? invoked.then(delivered, resultOfError) : delivered();
  };
  return (delivery) => {
    try {
      return deliver(delivery);
    } catch (error) {
      return resultOfError(error);
    }
  };
}

function delivered(): DeliveryResult {
  return { kind: 'delivered' };
}

function rejected(errorCode: string, errorMessage: string): DeliveryResult {
  return { kind: 'rejected', errorCode, errorMessage };
}

function resultOfError(error: unknown): DeliveryResult {
  if (!(error instanceof EngineError)) {
    return { kind: 'failed', errorCode: 'INTERNAL_ERROR', errorMessage: String(error) };
  }
  switch (error.code) {
    case 'ResourceNotFoundException':
    case 'QueueDoesNotExist':
      return rejected('NO_RESOURCE', error.message);
    case 'AccessDeniedException':
      return rejected('NO_PERMISSIONS', error.message);
    default:
      return rejected('INVALID_PARAMETER', `${error.code}: ${error.message}`);
  }
}
