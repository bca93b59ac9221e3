import { createHash } from 'node:crypto';

/** One thing that happened. `about`: webhook ids, conversations, subscriptions, queues. */
interface Step {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly about: readonly string[];
  readonly detail: unknown;
}

/** All that happened in a run, in order; put into words only where somebody asks. */
export class History {
  readonly #now: () => number;
  readonly #steps: Step[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  add(who: string, what: string, about: readonly string[], detail?: unknown): void {
    this.#steps.push({ at: this.#now(), who, what, about, detail });
  }

  get length(): number {
    return this.#steps.length;
  }

  /** The last steps that concern all of these together, or one of them alone. */
  lastAbout(subjects: readonly string[], most: number): string[] {
    const wanted = new Set(subjects);
    const steps = this.#steps.filter(
      ({ about }) =>
        about.length > 0 &&
        (subjects.every((subject) => about.includes(subject)) || about.every((subject) => wanted.has(subject))),
    );
    const left = steps.length - most;
    const lines = steps.slice(-most).map(formatStep);
    return left > 0 ? [`… ${left} steps before`, ...lines] : lines;
  }

  /** Equal where two runs did the same. */
  digest(): string {
    const hash = createHash('sha256');
    for (const { at, who, what, about } of this.#steps) hash.update(`${at} ${who} ${what} ${about.join(' ')}\n`);
    return hash.digest('hex');
  }
}

function formatStep({ at, who, what, about, detail }: Step): string {
  const time = new Date(at).toISOString().slice(5, 23).replace('T', ' ');
  const text = detail === undefined ? '' : ` ${JSON.stringify(detail)}`;
  return `${time}  ${who.padEnd(24)} ${what}  [${about.join(' ')}]${text.length > 300 ? `${text.slice(0, 300)}…` : text}`;
}
