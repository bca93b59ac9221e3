import type { Archive } from './archive.ts';
import type { EngineClock } from './engine-clock.ts';
import { EngineError, notFound, validation } from './engine-error.ts';
import type { BusEvent } from './event-envelope.ts';

export interface ReplayInput {
  readonly name: string;
  /** ARN of the archive. */
  readonly eventSourceArn: string;
  /** ARN of the bus, which is the archive's own. */
  readonly destinationArn: string;
  /** ARNs of the rules that get the events; absent or empty: all. */
  readonly filterArns?: readonly string[];
  /** Epoch milliseconds; events from `startTime` on and before `endTime`. */
  readonly startTime: number;
  readonly endTime: number;
  readonly description?: string;
}

export interface ReplayDescription extends ReplayInput {
  readonly arn: string;
  readonly state: 'STARTING' | 'RUNNING' | 'CANCELLING' | 'COMPLETED' | 'CANCELLED';
  readonly lastReplayedTime?: number;
  readonly startedAt: number;
  readonly endedAt?: number;
}

/** Whose events a replay brings, and to which of a bus's rules: all where none is named. */
export interface ReplayScope {
  readonly name: string;
  readonly ruleArns: ReadonlySet<string>;
}

export interface ReplaysOptions {
  readonly clock: EngineClock;
  /** `arn:aws:events:<region>:<account>:` */
  readonly arnPrefix: string;
  readonly archive: (arn: string) => Archive | undefined;
  readonly hasRule: (busArn: string, ruleArn: string) => boolean;
  readonly route: (busArn: string, event: BusEvent, scope: ReplayScope) => void;
}

interface Running {
  description: ReplayDescription;
  cancel: () => void;
}

const replaysAtOnce = 10;
// So that a replay of many events does not hold up what goes on meanwhile.
const replayedAtOnce = 100;

/** Replays of archived events, each a batch at a time. */
export class Replays {
  readonly #options: ReplaysOptions;
  readonly #replays = new Map<string, Running>();

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  start(input: ReplayInput): ReplayDescription {
    const { name, eventSourceArn, destinationArn, filterArns = [], startTime, endTime } = input;
    const { clock, arnPrefix, hasRule } = this.#options;
    if (!/^[\w.-]{1,64}$/.test(name)) throw validation(`Parameter ReplayName is not valid: ${name}.`);
    if (this.#replays.has(name)) {
      throw new EngineError('ResourceAlreadyExistsException', `Replay ${name} already exists.`);
    }
    const archive = this.#options.archive(eventSourceArn);
    if (archive === undefined) throw notFound(`Archive ${eventSourceArn} does not exist.`);
    if (destinationArn !== archive.busArn) {
      throw validation('Parameter Destination.Arn is not valid. Reason: it must be the event bus of the archive.');
    }
    if (!(startTime < endTime)) {
      throw validation('Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.');
    }
    const unknown = filterArns.find((arn) => !hasRule(destinationArn, arn));
    if (unknown !== undefined) throw notFound(`Rule ${unknown} does not exist.`);
    const active = [...this.#replays.values()].filter(({ description }) => description.endedAt === undefined);
    if (active.length >= replaysAtOnce) {
      throw new EngineError('LimitExceededException', `Only ${replaysAtOnce} replays can run at once.`);
    }
    const arn = `${arnPrefix}replay/${name}`;
    const replay: Running = {
      description: { ...input, arn, state: 'STARTING', startedAt: clock.now() },
      cancel: () => {},
    };
    this.#replays.set(name, replay);
    this.#step(replay, archive.between(startTime, endTime), 0);
    return replay.description;
  }

  describe(name: string): ReplayDescription {
    return this.#existing(name).description;
  }

  list(namePrefix = ''): ReplayDescription[] {
    return [...this.#replays.values()]
      .map(({ description }) => description)
      .filter(({ name }) => name.startsWith(namePrefix));
  }

  cancel(name: string): ReplayDescription {
    const replay = this.#existing(name);
    const { state } = replay.description;
    if (state !== 'STARTING' && state !== 'RUNNING') {
      throw new EngineError('IllegalStatusException', `Replay ${name} is not in a valid state for this operation.`);
    }
    replay.cancel();
    replay.description = { ...replay.description, state: 'CANCELLED', endedAt: this.#options.clock.now() };
    return { ...replay.description, state: 'CANCELLING' };
  }

  stop(): void {
    for (const { cancel } of this.#replays.values()) cancel();
  }

  #step(replay: Running, events: readonly BusEvent[], from: number): void {
    const { clock, route } = this.#options;
    replay.cancel = clock.setTimer(clock.now(), () => {
      const { name, destinationArn, filterArns = [] } = replay.description;
      const scope = { name, ruleArns: new Set(filterArns) };
      const some = events.slice(from, from + replayedAtOnce);
      for (const event of some) route(destinationArn, event, scope);
      const last = some.at(-1);
      const isDone = from + replayedAtOnce >= events.length;
      replay.description = {
        ...replay.description,
        state: isDone ? 'COMPLETED' : 'RUNNING',
        ...(last === undefined ? {} : { lastReplayedTime: last.time }),
        ...(isDone ? { endedAt: clock.now() } : {}),
      };
      if (!isDone) this.#step(replay, events, from + replayedAtOnce);
    });
  }

  #existing(name: string): Running {
    const replay = this.#replays.get(name);
    if (replay === undefined) throw notFound(`Replay ${name} does not exist.`);
    return replay;
  }
}
