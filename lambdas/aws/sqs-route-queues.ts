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

/** The queues of subscribers. `queueUrlBase`: a queue's url without its name. */
export function sqsRouteQueues(client: SQSClient, queueUrlBase: string) {
  const urlOf = (name: string): string => `${queueUrlBase}${name}`;

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
        await client.send(new CreateQueueCommand({ QueueName: name, Attributes: { ...attributes } }));
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
      await client.send(new SetQueueAttributesCommand({ QueueUrl: urlOf(name), Attributes: { ...attributes } }));
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
