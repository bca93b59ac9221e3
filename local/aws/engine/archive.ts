import { type CompiledPattern, matches } from '../../../lambdas/event-pattern/event-pattern.ts';
import type { JsonObject } from '../../../lambdas/json/json.ts';
import { validation } from './engine-error.ts';
import type { BusEvent } from './event-envelope.ts';

export interface ArchiveInput {
  readonly name: string;
  readonly arn: string;
  readonly busArn: string;
  readonly pattern: CompiledPattern | undefined;
  /** 0: for ever. */
  readonly retentionDays: number;
  /** What is kept at the most; then the oldest events go. */
  readonly maxBytes: number;
}

// The envelope around a detail.
const envelopeBytes = 300;

/** Events of one bus that are kept for replays, in the order in which they came. */
export class Archive {
  readonly name: string;
  readonly arn: string;
  readonly busArn: string;
  readonly #pattern: CompiledPattern | undefined;
  readonly #retentionMs: number;
  readonly #maxBytes: number;
  #events: BusEvent[] = [];
  #first = 0;
  #bytes = 0;

  constructor({ name, arn, busArn, pattern, retentionDays, maxBytes }: ArchiveInput) {
    if (!/^[\w.-]{1,48}$/.test(name)) throw validation(`Parameter ArchiveName is not valid: ${name}.`);
    this.name = name;
    this.arn = arn;
    this.busArn = busArn;
    this.#pattern = pattern;
    this.#retentionMs = retentionDays === 0 ? Number.POSITIVE_INFINITY : retentionDays * 86_400_000;
    this.#maxBytes = maxBytes;
  }

  /** `value`: the event as patterns see it. */
  keep(event: BusEvent, value: JsonObject, now: number): void {
    if (this.#pattern !== undefined && !matches(this.#pattern, value)) return;
    while (this.#oldest !== undefined && this.#oldest.time < now - this.#retentionMs) this.#dropOldest();
    this.#events.push(event);
    this.#bytes += event.detailText.length + envelopeBytes;
    while (this.#bytes > this.#maxBytes && this.#first < this.#events.length - 1) this.#dropOldest();
  }

  /** Those from `from` up to `until` (epoch ms, without it). */
  between(from: number, until: number): BusEvent[] {
    return this.#events.slice(this.#first).filter(({ time }) => time >= from && time < until);
  }

  get #oldest(): BusEvent | undefined {
    return this.#events[this.#first];
  }

  #dropOldest(): void {
    this.#bytes -= (this.#oldest?.detailText.length ?? 0) + envelopeBytes;
    this.#first++;
    // In large pieces: shifting an array one by one would cost more than the events themselves.
    if (this.#first > 1024 && this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }
}
