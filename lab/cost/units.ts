import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Quantities } from './usage.ts';

/**
 * What the system takes, as counted on its local run (`npm run cost -- --measure`), and what its template says. Bytes and
 * request units; no time, which would be that of the machine at hand.
 */
export interface Units {
  /** Of one accepted post, whatever its size. */
  readonly post: {
    readonly answerBytes: number;
    readonly logBytes: number;
    /** On the conversations table, by ingest: that activity was accepted. */
    readonly noteWriteUnits: number;
    readonly calls: number;
  };
  /** Of one post without Drift's token. */
  readonly refused: { readonly logBytes: number };
  /** What the message of an event in a queue has beside the event's bytes on the bus. */
  readonly envelopeBytes: number;
  readonly activity: {
    readonly writeUnitsPerMessage: number;
    readonly readUnitsPerMessage: number;
    readonly readUnitsPerBatch: number;
    readonly logBytesPerBatch: number;
    readonly callsPerBatch: number;
  };
  readonly timers: { readonly firing: TimerUnits; readonly rearming: TimerUnits };
  readonly history: {
    /** Beside the event's bytes on the bus. */
    readonly itemBytes: number;
    /** Of all indexes together; each entry is below 1 KB. */
    readonly indexBytes: number;
    readonly indexes: number;
    readonly logBytesPerBatch: number;
  };
  readonly delivery: {
    /** Request beside the event's bytes on the bus. */
    readonly requestBytes: number;
    /** The ledger's item after an empty answer. */
    readonly itemBytes: number;
    /** At most so much of an answer is kept. */
    readonly keptAnswerBytes: { readonly delivered: number; readonly failed: number };
    readonly lineBytes: number;
    readonly logBytesPerBatch: number;
    readonly readUnitsPerMessage: number;
    readonly readUnitsPerBatch: number;
    readonly callsPerBatch: number;
  };
  /** Of one attempt that fails and comes again from the queue, beside what each delivery takes. */
  readonly failure: {
    /** The ledger's item beside the event's message and the answer; and that of its indexes. */
    readonly itemBytes: number;
    readonly undeliveredBytes: number;
    /** The event too, and all that an attempt changes: each attempt writes the entry anew. */
    readonly undeliveredHoldsAll: boolean;
    readonly lineBytes: number;
    readonly logBytesPerBatch: number;
    readonly healthWriteUnits: number;
    readonly hides: number;
    readonly calls: number;
  };
  readonly scheduled: readonly Scheduled[];
  readonly metrics: {
    /** Whatever happens; while there are subscribers; while events come; for each subscriber that gets events. */
    readonly atRest: readonly string[];
    readonly withSubscribers: readonly string[];
    readonly underLoad: readonly string[];
    readonly perSubscriber: readonly string[];
  };
  readonly template: TemplateFacts;
}

/** Beside the activity of its messages. */
export interface TimerUnits {
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly logBytes: number;
  readonly runs: number;
  readonly busEvents: number;
  readonly busBytes: number;
  readonly calls: number;
}

/** What runs by the clock, whether anything happens or not. */
export interface Scheduled {
  readonly what: string;
  readonly runsPerHour: number;
  readonly memoryMegabytes: number;
  readonly isTraced: boolean;
  /** Of one run: units and bytes, and the calls that it waits for. */
  readonly none: Quantities;
  readonly noneCalls: number;
  readonly perSubscriber: Quantities;
  readonly perSubscriberCalls: number;
}

export interface TemplateFacts {
  readonly memoryMegabytes: Readonly<Record<FunctionName, number>>;
  readonly tracesByDefault: boolean;
  /** What begins traces where they are on; attempts are parts of the trace of their post. */
  readonly traced: Readonly<Record<Exclude<FunctionName, 'deliver'>, boolean>>;
  readonly windowSeconds: { readonly activity: number; readonly history: number };
  /** Queues of the stack that Lambda polls, by how many connections are held while they are empty. */
  readonly polledQueues: { readonly byTwo: number; readonly byFive: number };
  readonly subscriberPollers: number;
  readonly alarmMetrics: number;
  /** Metrics of subscribers that an alarm searches: it watches one more for each that it finds. */
  readonly searchedMetrics: readonly string[];
  readonly dashboards: number;
  readonly secrets: number;
  readonly isKeyOfAccount: boolean;
  readonly requestsPerSecond: number;
}

export type FunctionName = 'ingest' | 'track-activity' | 'emit-inactivity' | 'record-events' | 'deliver';

export const unitsFile = join(import.meta.dirname, 'units.json');

export function readUnits(): Units {
  return JSON.parse(readFileSync(unitsFile, 'utf8')) as Units;
}
