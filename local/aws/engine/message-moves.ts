import type { EngineClock } from './engine-clock.ts';
import { EngineError, notFound } from './engine-error.ts';
import type { Queue, ReceivedMessage } from './queue.ts';

/**
 * Redrives: messages of a dead-letter queue go back to where they came from, or to another queue. One runs at a time for
 * each source, a batch after the other. A message that was moved is a new one, with an id and an age of its own.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 */
export interface MessageMoves {
  /** Gives back the task's handle. Throws `ResourceNotFoundException`, `InvalidParameterValue`. */
  start(move: MoveInput): string;
  /** The newest first, ten at the most. Throws `ResourceNotFoundException`. */
  list(sourceArn: string): readonly MoveTask[];
  /** What was moved stays so; gives back how many. Throws `ResourceNotFoundException`, `InvalidParameterValue`. */
  cancel(handle: string): number;
  stop(): void;
}

export interface MoveInput {
  readonly sourceArn: string;
  /** Left out: each message goes back to the queue that it came from. */
  readonly destinationArn?: string;
  /** 1 to 500; left out: as fast as can be. */
  readonly messagesPerSecond?: number;
}

export interface MoveTask extends MoveInput {
  readonly handle: string;
  readonly state: 'RUNNING' | 'COMPLETED' | 'CANCELLED' | 'FAILED';
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** What was there at the start. */
  readonly toMove: number;
  readonly moved: number;
  readonly failureReason?: string;
}

const keptTasks = 10;
const batchSize = 10;

export function createMessageMoves({
  clock,
  newId,
  queues,
}: {
  readonly clock: EngineClock;
  readonly newId: () => string;
  readonly queues: {
    readonly findByArn: (arn: string) => Queue | undefined;
    readonly list: () => readonly Queue[];
  };
}): MessageMoves {
  /** By the source's ARN, the newest first. */
  const tasks = new Map<string, { task: MoveTask; cancel: () => void }[]>();

  function existing(arn: string, parameter: string): Queue {
    const queue = queues.findByArn(arn);
    if (queue !== undefined) return queue;
    throw notFound(`The resource that you specified for the ${parameter} parameter doesn't exist.`);
  }

  return {
    start(move) {
      const source = existing(move.sourceArn, 'SourceArn');
      if (!queues.list().some((queue) => queue.settings().redrive?.deadLetterArn === source.arn)) {
        throw invalid('Source queue must be configured as a Dead Letter Queue.');
      }
      if (move.destinationArn !== undefined) existing(move.destinationArn, 'DestinationArn');
      if (move.destinationArn === source.arn) throw invalid('The source and the destination cannot be the same queue.');
      const ofSource = tasks.get(source.arn) ?? [];
      if (ofSource.some(({ task }) => task.state === 'RUNNING')) {
        throw invalid(
          'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
        );
      }
      const handle = Buffer.from(JSON.stringify({ taskId: newId(), sourceArn: source.arn })).toString('base64');
      const toMove = source.counts().visible;
      const started = {
        task: { ...move, handle, state: 'RUNNING', startedAt: clock.now(), toMove, moved: 0 } as MoveTask,
        cancel: () => {},
      };
      tasks.set(source.arn, [started, ...ofSource].slice(0, keptTasks));
      step(started, source);
      return handle;
    },
    list: (sourceArn) => (tasks.get(existing(sourceArn, 'SourceArn').arn) ?? []).map(({ task }) => task),
    cancel(handle) {
      const found = [...tasks.values()].flat().find(({ task }) => task.handle === handle);
      if (found === undefined) throw notFound('Task does not exist.');
      if (found.task.state !== 'RUNNING') throw invalid('Only active tasks can be cancelled.');
      found.cancel();
      found.task = { ...found.task, state: 'CANCELLED' };
      return found.task.moved;
    },
    stop() {
      for (const { cancel } of [...tasks.values()].flat()) cancel();
    },
  };

  function step(running: { task: MoveTask; cancel: () => void }, source: Queue): void {
    const { messagesPerSecond } = running.task;
    const isFirst = running.task.moved === 0;
    const pauseMs = messagesPerSecond === undefined || isFirst ? 0 : (1000 * batchSize) / messagesPerSecond;
    running.cancel = clock.setTimer(clock.now() + pauseMs, () => {
      moveSome(running.task, source)
        .then((moved) => {
          // Cancelled while it was under way: what it has moved counts.
          const { state } = running.task;
          running.task = { ...running.task, moved: running.task.moved + moved };
          if (state !== 'RUNNING') return;
          if (moved === 0) running.task = { ...running.task, state: 'COMPLETED' };
          else step(running, source);
        })
        .catch((error: unknown) => {
          const failureReason = error instanceof EngineError ? error.code : String(error);
          running.task = { ...running.task, state: 'FAILED', failureReason };
        });
    });
  }

  /** How many. Throws the reason why one cannot be moved. */
  async function moveSome({ destinationArn }: MoveTask, source: Queue): Promise<number> {
    const messages = await source.receive({ maxMessages: batchSize, waitSeconds: 0 });
    for (const [index, message] of messages.entries()) {
      const destination = destinationOf(message, destinationArn);
      if (typeof destination === 'string') {
        for (const { receiptHandle } of messages.slice(index)) source.changeVisibility(receiptHandle, 0);
        throw new EngineError(destination, 'The task cannot go on.');
      }
      destination.send({
        body: message.body,
        attributes: message.attributes,
        ...(message.awsTraceHeader === undefined ? {} : { awsTraceHeader: message.awsTraceHeader }),
      });
      source.deleteMessage(message.receiptHandle);
    }
    return messages.length;
  }

  /** Or the reason for which there is none, as AWS names it. */
  function destinationOf({ deadLetterQueueSourceArn }: ReceivedMessage, destinationArn: string | undefined) {
    const arn = destinationArn ?? deadLetterQueueSourceArn;
    if (arn === undefined) return 'CouldNotDetermineMessageSource';
    return queues.findByArn(arn) ?? 'AWS.SimpleQueueService.NonExistentQueue';
  }
}

function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValue', message);
}
