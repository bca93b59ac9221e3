import type { FaultKind, FaultWeather } from './fault-weather.ts';
import type { History } from './history.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface InvocationSurroundings {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: FaultWeather;
  readonly history: History;
}

export interface InvocationSettings {
  readonly id: number;
  readonly functionName: string;
  readonly timeoutSeconds: number;
  /** Nothing is injected into it: a message that met a fault again and again would end in a dead-letter queue by design. */
  readonly isSpared: boolean;
}

export type InvocationOutcome =
  | { readonly kind: 'answered'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly reason: string };

/** No invocation makes so many steps that a crash beyond them would find none. */
const crashWithinSteps = 16;

/**
 * One run of a function. All that it does to the world goes through `call` and `sleep`, which take time, and at which it
 * can be ended: from then on no call of it has an effect any more.
 */
export class Invocation {
  readonly id: number;
  readonly functionName: string;
  readonly startedAt: number;
  readonly isSpared: boolean;
  endedAtStep: number | undefined;
  /** What was injected into it. */
  readonly injected: string[] = [];
  /** Subscriptions that it has read, and conversations that it was about. */
  readonly about = new Set<string>();
  readonly #around: InvocationSurroundings;
  readonly #deadline: number;
  readonly #crashAtStep: number;
  #steps = 0;
  #isDead = false;
  #end: (outcome: InvocationOutcome) => void = () => {};

  constructor(around: InvocationSurroundings, settings: InvocationSettings) {
    this.#around = around;
    this.id = settings.id;
    this.functionName = settings.functionName;
    this.isSpared = settings.isSpared;
    this.startedAt = around.scheduler.now();
    this.#deadline = this.startedAt + settings.timeoutSeconds * 1000;
    const isDoomed = !this.isSpared && around.weather.threatens('crash');
    this.#crashAtStep = isDoomed ? around.random.integer(0, crashWithinSteps) : Number.POSITIVE_INFINITY;
  }

  get name(): string {
    return `${this.functionName} ${this.id}`;
  }

  /** Something was injected, or it was ended: what it left half done is excused until it is done again. */
  get isDisturbed(): boolean {
    return this.injected.length > 0;
  }

  /** Resolves when the work is done, or at the moment at which the function is ended. */
  run(work: () => Promise<unknown>): Promise<InvocationOutcome> {
    const { scheduler } = this.#around;
    return new Promise((resolve) => {
      const cancelTimeout = scheduler.setTimer(this.#deadline, () => this.#die('ran out of time'));
      this.#end = (outcome) => {
        this.#end = () => {};
        cancelTimeout();
        this.endedAtStep = scheduler.steps;
        resolve(outcome);
      };
      work().then(
        (value) => this.#end({ kind: 'answered', value }),
        (error: unknown) => this.#end({ kind: 'failed', reason: String(error) }),
      );
    });
  }

  remainingMs(): number {
    return Math.max(0, this.#deadline - this.#around.scheduler.now());
  }

  /** A call to a service: some time, its effect, some time more; any of it may go wrong. */
  async call<Result>(what: string, effect: () => Result | Promise<Result>): Promise<Result> {
    await this.#pause();
    if (this.strikes('throttle')) throw this.#inject(what, 'ThrottlingException');
    const result = await effect();
    if (this.#around.random.chance(0.5)) await this.#pause();
    if (this.strikes('lost-answer')) throw this.#inject(what, 'TimeoutError');
    return result;
  }

  async sleep(milliseconds: number): Promise<void> {
    await this.#around.scheduler.sleep(milliseconds);
    this.#goOn();
  }

  strikes(kind: FaultKind): boolean {
    return !this.isSpared && this.#around.weather.strikes(kind);
  }

  /** An injected failure of a call. */
  #inject(what: string, name: string): Error {
    this.note(`${what}: ${name}`);
    const error = new Error(`${what}: injected`);
    error.name = name;
    return error;
  }

  /** What it has done by halves it may never go on with: that it ends there is likelier than that it ends elsewhere. */
  perhapsEndHalfway(): void {
    if (!this.isSpared && this.#around.weather.threatens('crash', 10)) this.#die('crashed halfway');
  }

  note(what: string): void {
    this.injected.push(what);
    this.#around.history.add(this.name, `injected ${what}`, [...this.about]);
  }

  async #pause(): Promise<void> {
    this.#goOn();
    await this.#around.scheduler.sleep(this.#latencyMs());
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#isDead && this.#steps++ >= this.#crashAtStep) this.#die('crashed');
    if (this.#isDead) throw new Error('this invocation has ended');
  }

  #die(reason: string): void {
    if (this.#isDead || this.endedAtStep !== undefined) return;
    this.#isDead = true;
    this.#around.weather.count('crash');
    this.note(reason);
    this.#end({ kind: 'failed', reason });
  }

  #latencyMs(): number {
    const { random } = this.#around;
    if (this.strikes('slow-call')) {
      this.note('slow call');
      return random.spread(2_000, 60_000);
    }
    return random.chance(0.1) ? random.integer(15, 150) : random.integer(1, 15);
  }
}
