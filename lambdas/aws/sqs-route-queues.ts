import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { QueueAttributes } from '../domain/routes/desired-route.ts';
import type { ActionOutcome } from '../provision/ports.ts';

const done: ActionOutcome = { kind: 'done' };

/** "You must wait at least one second after the queue is created to be able to use the queue." */
const youngQueueDelaysMs = [1_000, 2_000];

/** The queues of subscribers. */
export function sqsRouteQueues({
  client,
  queueUrlBase,
  tags,
  sleep,
}: {
  readonly client: SQSClient;
  /** A queue's url without its name. */
  readonly queueUrlBase: string;
  /** For queues that are made. */
  readonly tags: Readonly<Record<string, string>>;
  readonly sleep: (ms: number) => Promise<void>;
}) {
  const urlOf = (name: string): string => `${queueUrlBase}${name}`;

  /** The queue may be a moment old, or the dead-letter queue that its attributes name. */
  async function onYoungQueue(call: () => Promise<unknown>): Promise<void> {
    for (const delayMs of [...youngQueueDelaysMs, undefined]) {
      try {
        await call();
        return;
      } catch (error) {
        const mayBeYoung =
          isError(error, 'QueueDoesNotExist', 'NonExistentQueue') ||
          (isError(error, 'InvalidParameterValue') && /dead.?letter/i.test(String(error)));
        if (!mayBeYoung || delayMs === undefined) throw error;
        await sleep(delayMs);
      }
    }
  }

  return {
    /** Its attributes, or undefined where there is no such queue. */
    async describe(name: string): Promise<QueueAttributes | undefined> {
      try {
        const result = await client.send(
          new GetQueueAttributesCommand({ QueueUrl: urlOf(name), AttributeNames: ['All'] }),
        );
        return result.Attributes ?? {};
      } catch (error) {
        if (isError(error, 'QueueDoesNotExist', 'NonExistentQueue')) return undefined;
        throw error;
      }
    },

    async create(name: string, attributes: QueueAttributes): Promise<ActionOutcome> {
      try {
        await onYoungQueue(() =>
          client.send(
            new CreateQueueCommand({
              QueueName: name,
              Attributes: { ...attributes },
              ...(Object.keys(tags).length === 0 ? {} : { tags: { ...tags } }),
            }),
          ),
        );
        return done;
      } catch (error) {
        // Another run was quicker, with what was wanted a moment ago.
        if (isError(error, 'QueueNameExists', 'QueueAlreadyExists')) return this.setAttributes(name, attributes);
        if (isError(error, 'QueueDeletedRecently')) {
          return {
            kind: 'later',
            reason: 'a queue of this name was deleted less than 60 s ago; SQS makes another only after that',
            retryAfterSeconds: 60,
          };
        }
        throw error;
      }
    },

    async setAttributes(name: string, attributes: QueueAttributes): Promise<ActionOutcome> {
      await onYoungQueue(() =>
        client.send(new SetQueueAttributesCommand({ QueueUrl: urlOf(name), Attributes: { ...attributes } })),
      );
      return done;
    },

    async delete(name: string): Promise<ActionOutcome> {
      try {
        await client.send(new DeleteQueueCommand({ QueueUrl: urlOf(name) }));
      } catch (error) {
        if (!isError(error, 'QueueDoesNotExist', 'NonExistentQueue')) throw error;
      }
      return done;
    },

    /** The names that begin so, a page at a time. */
    async *names(prefix: string): AsyncIterable<readonly string[]> {
      let NextToken: string | undefined;
      do {
        const page = await client.send(
          new ListQueuesCommand({
            QueueNamePrefix: prefix,
            MaxResults: 1000,
            ...(NextToken === undefined ? {} : { NextToken }),
          }),
        );
        yield (page.QueueUrls ?? []).map((url) => url.slice(url.lastIndexOf('/') + 1));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
    },
  };
}

/** SQS's errors carry the names of its newer protocol or, behind a prefix, those of its older one. */
function isError(error: unknown, ...names: readonly string[]): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'Code' in error && typeof error.Code === 'string' ? error.Code : '';
  return names.some((name) => error.name.endsWith(name) || code.endsWith(name));
}
