import { randomUUID } from 'node:crypto';
import type { EngineClock } from './engine-clock.ts';
import { EngineError } from './engine-error.ts';
import { type Measure, measureNothing } from './measure.ts';
import { createMessageMoves, type MessageMoves } from './message-moves.ts';
import type { Queue } from './queue.ts';
import { changeAttributes, defaultAttributes, type QueueAttributes, readSettings } from './queue-settings.ts';
import { queueDoesNotExist, StandardQueue } from './standard-queue.ts';

/** Standard SQS queues of one account and region. */
export interface Queues {
  /** As CreateQueue: the same name with the same attributes is the same queue, with others it is refused. */
  create(name: string, attributes?: QueueAttributes): Queue;
  /** By name. Throws `QueueDoesNotExist`. */
  get(name: string): Queue;
  find(name: string): Queue | undefined;
  findByArn(arn: string): Queue | undefined;
  list(namePrefix?: string): Queue[];
  readonly moves: MessageMoves;
  /** Throws `QueueDoesNotExist`. */
  delete(name: string): void;
  /** Cancels every timer and answers every waiting receiver with nothing. */
  stop(): void;
}

export interface QueuesOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  /** Default `crypto.randomUUID`. A simulation hands in its own. */
  readonly newId?: () => string;
  /** For so long after a queue was deleted none of its name can be made. Default 60, as with AWS. */
  readonly deletedNameHoldSeconds?: number;
  /**
   * How long a queue goes on to answer after it was deleted, asked at each deletion: SQS says that it may be up to 60 s.
   * Default: not at all.
   */
  readonly deletionSeconds?: () => number;
  readonly measure?: Measure | undefined;
}

const nameForm = /^[\w-]{1,80}$/;

export function createQueues({
  clock,
  region,
  accountId,
  newId = randomUUID,
  deletedNameHoldSeconds = 60,
  deletionSeconds = () => 0,
  measure = measureNothing,
}: QueuesOptions): Queues {
  const queues = new Map<string, StandardQueue>();
  const deletedAt = new Map<string, number>();
  const deletions = new Set<() => void>();
  const arnPrefix = `arn:aws:sqs:${region}:${accountId}:`;
  const isDeleted = (name: string): boolean =>
    clock.now() < (deletedAt.get(name) ?? Number.NEGATIVE_INFINITY) + deletedNameHoldSeconds * 1000;
  const find = (name: string) => queues.get(name);
  const get = (name: string): StandardQueue => {
    const queue = queues.get(name);
    if (queue === undefined) throw queueDoesNotExist(name);
    return queue;
  };
  const findByArn = (arn: string) => (arn.startsWith(arnPrefix) ? queues.get(arn.slice(arnPrefix.length)) : undefined);
  const checkDeadLetterQueue = (attributes: QueueAttributes) => {
    const arn = readSettings(attributes).redrive?.deadLetterArn;
    if (arn !== undefined && findByArn(arn) === undefined) {
      throw new EngineError(
        'InvalidParameterValue',
        `Value ${attributes.RedrivePolicy} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.`,
      );
    }
  };
  const list = (namePrefix = '') =>
    [...queues.values()]
      .filter(({ name }) => name.startsWith(namePrefix))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  const moves = createMessageMoves({ clock, newId, queues: { findByArn, list } });
  return {
    create(name, attributes = {}) {
      if (name.endsWith('.fifo')) {
        throw new EngineError('UnsupportedOperation', `${name}: FIFO queues are not supported here.`);
      }
      if (!nameForm.test(name)) {
        throw new EngineError(
          'InvalidParameterValue',
          'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length',
        );
      }
      if (isDeleted(name)) {
        throw new EngineError(
          'QueueDeletedRecently',
          'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
        );
      }
      const existing = queues.get(name);
      const next = changeAttributes(existing?.attributes ?? defaultAttributes, attributes);
      if (existing !== undefined) {
        const differs = Object.keys(attributes).find((key) => existing.attributes[key] !== next[key]);
        if (differs === undefined) return existing;
        throw new EngineError(
          'QueueNameExists',
          `A queue already exists with the same name and a different value for attribute ${differs}`,
        );
      }
      deletedAt.delete(name);
      checkDeadLetterQueue(next);
      const queue = new StandardQueue(
        { clock, newId, findByArn, checkDeadLetterQueue, measure },
        { name, arn: `${arnPrefix}${name}` },
        next,
      );
      queues.set(name, queue);
      return queue;
    },
    get,
    find,
    findByArn,
    list,
    moves,
    delete(name) {
      const queue = get(name);
      // A second deletion changes nothing.
      if (isDeleted(name)) return;
      const end = (): void => {
        queue.close();
        queues.delete(name);
      };
      deletedAt.set(name, clock.now());
      const seconds = deletionSeconds();
      if (seconds > 0) deletions.add(clock.setTimer(clock.now() + seconds * 1000, end));
      else end();
    },
    stop() {
      moves.stop();
      for (const cancel of deletions) cancel();
      for (const queue of queues.values()) queue.stopWaiting();
    },
  };
}
