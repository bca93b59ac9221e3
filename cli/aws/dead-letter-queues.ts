import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  ListQueuesCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { deadLetterSuffix, subscriptionIdPattern } from '../../lambdas/domain/subscriptions/subscription-id.ts';
import { awsFailure } from '../aws-errors.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { ownQueues } from '../own-queues.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { readQueueAges } from './queue-ages.ts';
import { isMissingQueue } from './subscriber-queue.ts';

export interface DeadLetterQueue {
  /** What the commands call it: `activity`, or the id of a subscription. */
  readonly name: string;
  readonly belongsTo: string;
  readonly url: string;
  readonly arn: string;
  /** Of the queue that its messages came from; none: they cannot be put back. */
  readonly sourceArn?: string;
  /** Roughly: SQS counts so. */
  readonly waiting: number;
  readonly inFlight: number;
  /** How long the oldest has been there, where CloudWatch knows. */
  readonly oldestSeconds?: number;
}

export interface DeadLetter {
  readonly messageId: string;
  readonly body: string;
  /** ISO 8601, UTC. */
  readonly sentAt: string;
  /** This look included. */
  readonly receiveCount: number;
  /** The bus says in them which rule it could not serve, and why. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Move {
  readonly state: string;
  readonly moved: number;
  readonly failureReason?: string;
}

export interface DeadLetterQueues {
  /** Those of the stack first, then those of subscribers, with the age of what is not empty. */
  list(): Promise<readonly DeadLetterQueue[]>;
  /** By the name that `list` gives it, or by its id in the template. */
  find(name: string): Promise<DeadLetterQueue>;
  /** Messages as they lie there, up to so many; they are back when it has looked. */
  look(queue: DeadLetterQueue, limit: number): Promise<readonly DeadLetter[]>;
  /** False: it is not there. */
  drop(queue: DeadLetterQueue, messageId: string): Promise<boolean>;
  purge(queue: DeadLetterQueue): Promise<void>;
  /** The move that is under way or was last made; undefined: none was. */
  lastMove(queue: DeadLetterQueue): Promise<Move | undefined>;
  startMove(queue: DeadLetterQueue): Promise<void>;
}

/** Of a look: so long nobody else sees the messages, should it be interrupted. */
const lookSeconds = 30;
const queuesAtOnce = 20;

export function createDeadLetterQueues(stack: DeployedStack): DeadLetterQueues {
  const sqs = new SQSClient(stack.client);

  async function send<T>(what: string, call: () => Promise<T>): Promise<T> {
    return call().catch((error: unknown) => {
      throw awsFailure(error, what);
    });
  }

  async function attributesOf(url: string): Promise<Readonly<Record<string, string>> | undefined> {
    const names = ['QueueArn', 'RedrivePolicy', 'ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
    try {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: names as ['QueueArn'] }),
      );
      return Attributes;
    } catch (error) {
      if (isMissingQueue(error)) return undefined;
      throw awsFailure(error, `the queue ${nameOf(url)} could not be looked at`);
    }
  }

  /** Every queue of the stack that has no dead-letter queue is one. */
  async function ofStack(): Promise<DeadLetterQueue[]> {
    const resources = await stack.resources('AWS::SQS::Queue');
    const found = await Promise.all(
      resources.map(async ({ logicalId, physicalId: url }) => ({
        logicalId,
        url,
        attributes: (await attributesOf(url)) ?? {},
      })),
    );
    const sources = new Map(
      found.flatMap(({ attributes }) => {
        const target = deadLetterArnOf(attributes);
        return target === undefined ? [] : [[target, attributes.QueueArn ?? '']];
      }),
    );
    return found
      .filter(({ attributes }) => attributes.QueueArn !== undefined && attributes.RedrivePolicy === undefined)
      .map(({ logicalId, url, attributes }) => {
        const own = ownQueues.find((queue) => logicalId.startsWith(queue.logicalId));
        const sourceArn = sources.get(attributes.QueueArn ?? '');
        return {
          name: own?.name ?? logicalId.slice(0, -8),
          belongsTo: own?.holds ?? logicalId,
          ...counted(url, attributes),
          ...(sourceArn === undefined ? {} : { sourceArn }),
        };
      });
  }

  async function ofSubscription(subscriptionId: string, url: string): Promise<DeadLetterQueue | undefined> {
    const attributes = await attributesOf(url);
    if (attributes === undefined) return undefined;
    const queue = counted(url, attributes);
    return {
      name: ownQueues.some(({ name }) => name === subscriptionId) ? `${explicit}${subscriptionId}` : subscriptionId,
      belongsTo: 'events of the subscription',
      ...queue,
      sourceArn: queue.arn.slice(0, -deadLetterSuffix.length),
    };
  }

  async function ofSubscriptions(): Promise<DeadLetterQueue[]> {
    const prefix = `${stack.routePrefix}-`;
    const urls: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await send('the queues of subscribers could not be listed', () =>
        sqs.send(
          new ListQueuesCommand({
            QueueNamePrefix: prefix,
            MaxResults: 1000,
            ...(NextToken === undefined ? {} : { NextToken }),
          }),
        ),
      );
      urls.push(...(page.QueueUrls ?? []).filter((url) => url.endsWith(deadLetterSuffix)));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    const queues: DeadLetterQueue[] = [];
    for (let start = 0; start < urls.length; start += queuesAtOnce) {
      const some = urls.slice(start, start + queuesAtOnce);
      const found = await Promise.all(
        some.map((url) => ofSubscription(nameOf(url).slice(prefix.length, -deadLetterSuffix.length), url)),
      );
      queues.push(...found.filter((queue) => queue !== undefined));
    }
    return queues;
  }

  /** Receives until there is nothing more that it has not seen. Each is given back, but for what `keep` says. */
  async function lookThrough(url: string, limit: number, keep: (message: Message) => boolean): Promise<Message[]> {
    const seen = new Map<string, Message>();
    let fruitless = 0;
    while (seen.size < limit && fruitless < 3) {
      const { Messages = [] } = await send(`the queue ${nameOf(url)} could not be read`, () =>
        sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: url,
            MaxNumberOfMessages: Math.min(10, limit - seen.size),
            VisibilityTimeout: lookSeconds,
            // Asks all of SQS's servers, where a short poll asks some. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
            WaitTimeSeconds: 1,
            MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount'],
            MessageAttributeNames: ['All'],
          }),
        ),
      );
      const before = seen.size;
      for (const message of Messages) seen.set(message.MessageId ?? '', message);
      fruitless = Messages.length === 0 ? 3 : seen.size === before ? fruitless + 1 : 0;
      if (Messages.some(keep)) break;
    }
    const messages = [...seen.values()];
    const back = messages.filter((message) => !keep(message));
    for (let start = 0; start < back.length; start += 10) {
      const Entries = back.slice(start, start + 10).map(({ ReceiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle: ReceiptHandle ?? '',
        VisibilityTimeout: 0,
      }));
      await send('the messages could not be given back; they are by themselves in half a minute', () =>
        sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })),
      );
    }
    return messages;
  }

  return {
    async list() {
      const queues = [...(await ofStack()), ...(await ofSubscriptions())];
      const full = queues.filter(({ waiting, inFlight }) => waiting + inFlight > 0);
      const ages = await readQueueAges(
        stack,
        full.map(({ url }) => nameOf(url)),
      );
      return queues.map((queue) => {
        const oldestSeconds = ages.get(nameOf(queue.url));
        return oldestSeconds === undefined ? queue : { ...queue, oldestSeconds };
      });
    },
    async find(name) {
      const id = name.startsWith(explicit) ? name.slice(explicit.length) : name;
      if (id === name) {
        const own = (await ofStack()).find((queue) => queue.name === name || queue.belongsTo === name);
        if (own !== undefined) return own;
      }
      const isPossible = subscriptionIdPattern.test(id);
      const url = isPossible ? await urlOf(`${stack.routePrefix}-${id}${deadLetterSuffix}`) : undefined;
      const found = url === undefined ? undefined : await ofSubscription(id, url);
      if (found !== undefined) return found;
      throw new CommandFailed(
        exitCodes.notFound,
        `${stack.name} in ${stack.region} has no dead-letter queue ${name}`,
        'All of them: fanout dead-letters list',
      );
    },
    async look({ url }, limit) {
      const messages = await lookThrough(url, limit, () => false);
      return messages.map(letterOf);
    },
    async drop({ url }, messageId) {
      const isIt = (message: Message) => message.MessageId === messageId;
      const found = (await lookThrough(url, Number.POSITIVE_INFINITY, isIt)).find(isIt);
      if (found === undefined) return false;
      await send('the message could not be deleted', () =>
        sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: found.ReceiptHandle })),
      );
      return true;
    },
    async purge({ url }) {
      await send('the queue could not be emptied', () => sqs.send(new PurgeQueueCommand({ QueueUrl: url })));
    },
    async lastMove({ arn }) {
      const { Results = [] } = await send('the moves of messages could not be listed', () =>
        sqs.send(new ListMessageMoveTasksCommand({ SourceArn: arn, MaxResults: 1 })),
      );
      const [last] = Results;
      return (
        last && {
          state: last.Status ?? '',
          moved: last.ApproximateNumberOfMessagesMoved ?? 0,
          ...(last.FailureReason === undefined ? {} : { failureReason: last.FailureReason }),
        }
      );
    },
    async startMove({ arn, sourceArn }) {
      // Named: what the bus has put here has no queue that SQS would know it came from.
      await sqs
        .send(new StartMessageMoveTaskCommand({ SourceArn: arn, DestinationArn: sourceArn }))
        .catch((error: unknown) => {
          // Without that queue it is nobody's dead-letter queue.
          const { name, message } = error instanceof Error ? error : new Error(String(error));
          if (name !== 'ResourceNotFoundException' && !/configured as a Dead Letter Queue/.test(message)) {
            throw awsFailure(error, 'the messages could not be put back');
          }
          throw new CommandFailed(
            exitCodes.notFound,
            `the queue that they came from is gone: ${nameOf(sourceArn ?? '')}`,
            "A subscriber's is made again by: fanout reconcile --wait",
          );
        });
    },
  };

  async function urlOf(QueueName: string): Promise<string | undefined> {
    try {
      return (await sqs.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl;
    } catch (error) {
      if (isMissingQueue(error)) return undefined;
      throw awsFailure(error, `the queue ${QueueName} could not be found`);
    }
  }
}

/** Before the id of a subscription that is called as a queue of the stack is. */
const explicit = 'subscription:';

function counted(url: string, attributes: Readonly<Record<string, string>>) {
  return {
    url,
    arn: attributes.QueueArn ?? '',
    waiting: Number(attributes.ApproximateNumberOfMessages ?? 0),
    inFlight: Number(attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
  };
}

function letterOf({ MessageId = '', Body = '', Attributes = {}, MessageAttributes = {} }: Message): DeadLetter {
  return {
    messageId: MessageId,
    body: Body,
    sentAt: new Date(Number(Attributes.SentTimestamp ?? 0)).toISOString(),
    receiveCount: Number(Attributes.ApproximateReceiveCount ?? 0),
    attributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { StringValue = '(bytes)' }]) => [name, StringValue]),
    ),
  };
}

function deadLetterArnOf({ RedrivePolicy }: Readonly<Record<string, string>>): string | undefined {
  if (RedrivePolicy === undefined) return undefined;
  return (JSON.parse(RedrivePolicy) as { deadLetterTargetArn?: string }).deadLetterTargetArn;
}

/** Of a url or an ARN. */
function nameOf(place: string): string {
  return place.slice(Math.max(place.lastIndexOf('/'), place.lastIndexOf(':')) + 1);
}
