import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../lambdas/json/json.ts';
import { originalJson } from '../../lambdas/json/queue-safe-json.ts';
import type { Post } from './conversation-script.ts';
import {
  type ExpectedEvent,
  eventKey,
  expectedEvents,
  inMilliseconds,
  type LegacyEnds,
  timelessKey,
} from './expected-events.ts';
import type { Invocation } from './invocation.ts';
import type { PublishWatch } from './sdk-clients.ts';
import type { SubscriptionCheck } from './subscription-check.ts';
import type { Violations } from './violations.ts';

/** An event that is on the bus, once or several times, under one webhook id. */
export interface Fact {
  readonly id: string;
  readonly type: string;
  /** How it reads; several for an operational event that was told twice. */
  readonly keys: Set<string>;
  /** The same with times in milliseconds: a close in seconds and the mirror of a push at its time are one fact. */
  readonly facts: Set<string>;
  /** Of a fact without a time of its own: the ten minutes in which it arrived. */
  readonly periods: Set<number>;
  /** The bodies in which a subscriber is to get it. */
  readonly bodies: Set<string>;
  readonly may: Set<string>;
  /** Who must get it, and since when. */
  readonly must: Map<string, number>;
}

interface Options {
  readonly now: () => number;
  readonly violations: Violations;
  readonly subscriptions: SubscriptionCheck;
  readonly legacy: LegacyEnds;
  readonly onInactive: (invocation: Invocation, id: string, orgId: JsonValue, data: JsonObject) => void;
}

/** What came in, what had to follow from it, and what is on the bus. */
export class PublishedEvents implements PublishWatch {
  accepted = 0;
  published = 0;
  readonly #options: Options;
  readonly #byId = new Map<string, Fact>();
  readonly #byKey = new Map<string, Set<string>>();
  /** The id of each event and cause: the same fact never has two. */
  readonly #idOf = new Map<string, string>();
  readonly #possible = new Set<string>();
  readonly #posted = new Set<string>();
  /** By the id of an inactivity: itself, and what follows from it. */
  readonly #inactivities = new Map<string, readonly ExpectedEvent[]>();

  constructor(options: Options) {
    this.#options = options;
  }

  get(id: string): Fact | undefined {
    return this.#byId.get(id);
  }

  all(): IterableIterator<Fact> {
    return this.#byId.values();
  }

  /** Under whatever id: a real close and the mirror of a manual push at its time are one event to who reads it. */
  isReached(fact: Fact, subscriptionId: string, isAccepted: (webhookId: string) => boolean): boolean {
    if (isAccepted(fact.id)) return true;
    for (const key of fact.keys) {
      for (const id of this.#byKey.get(key) ?? []) {
        if (id !== fact.id && this.#byId.get(id)?.may.has(subscriptionId) === true && isAccepted(id)) return true;
      }
    }
    return false;
  }

  onPosting(post: Post): void {
    const now = this.#options.now();
    // It may be handled at any time from now on.
    const { possible } = expectedEvents(post, this.#options.legacy, now, Number.POSITIVE_INFINITY);
    for (const event of possible) this.#possible.add(eventKey(event));
    this.#possible.add(eventKey(post));
    this.#posted.add(eventKey(post));
  }

  /** Drift has posted it, or begun to. */
  isPosted(event: Parameters<typeof eventKey>[0]): boolean {
    return this.#posted.has(eventKey(event));
  }

  /** Drift was told that its event was accepted: all that follows from it is on the bus by then. */
  onAccepted(post: Post, postedAt: number): void {
    this.accepted++;
    const { sure } = expectedEvents(post, this.#options.legacy, postedAt, this.#options.now());
    for (const event of sure) this.#checkPublished(event, `${post.type} was accepted`);
  }

  onPublishing(invocation: Invocation, details: readonly string[]): void {
    if (invocation.functionName !== 'emit-inactivity') return;
    const now = this.#options.now();
    for (const text of details) {
      const detail = readDetail(text);
      if (detail.type !== 'conversation_inactive') continue;
      const event = { orgId: digits(detail.orgId), type: detail.type, data: detail.data };
      const { possible, sure } = expectedEvents(event, this.#options.legacy, invocation.startedAt, now);
      for (const expected of possible) this.#possible.add(eventKey(expected));
      this.#inactivities.set(detail.id, sure);
    }
  }

  onPublished(invocation: Invocation, source: string, text: string): void {
    const { id, orgId, type, data, cause, occurredAt } = readDetail(text);
    const now = this.#options.now();
    this.published++;
    const exactKey = eventKey({ orgId, type, data });
    // Where the cause has no time of its own, what follows from it has that of the arrival.
    const looseKey = timelessKey({ orgId, type, data });
    const isByArrival = !this.#possible.has(exactKey) && this.#possible.has(looseKey);
    const key = isByArrival ? looseKey : exactKey;
    const period = isByArrival || isTimeless(type, data) ? Math.floor(occurredAt / timelessFactMs) : undefined;
    const about = [id, ...invocation.about];
    if (source !== 'webhook-fanout') {
      if (!this.#possible.has(key)) {
        this.#options.violations.report('only what follows from an event is published', `${type} ${id}: ${key}`, about);
      }
      // What has no time of its own is one fact for ten minutes, by its arrival (docs/events.md).
      const identity = `${cause ?? ''} ${key} ${period ?? ''}`;
      const known = this.#idOf.get(identity);
      if (known === undefined) this.#idOf.set(identity, id);
      else if (known !== id) {
        this.#options.violations.report('one fact has one id', `${type} is ${id} and was ${known}: ${key}`, [
          known,
          ...about,
        ]);
      }
    }
    const fact = this.#byId.get(id) ?? {
      id,
      type,
      keys: new Set(),
      facts: new Set(),
      periods: new Set(),
      bodies: new Set(),
      may: new Set(),
      must: new Map(),
    };
    this.#byId.set(id, fact);
    fact.keys.add(key);
    fact.facts.add(isByArrival ? looseKey : eventKey({ orgId, type, data: inMilliseconds(data) }));
    if (period !== undefined) fact.periods.add(period);
    fact.bodies.add(JSON.stringify({ orgId, type, data }));
    this.#byKey.set(key, (this.#byKey.get(key) ?? new Set()).add(id));
    if (source === 'drift' && (fact.facts.size > 1 || fact.periods.size > 1)) {
      this.#options.violations.report('two facts never share an id', `${id}: ${[...fact.keys].join(' and ')}`, about);
    }
    const { must, may } = this.#options.subscriptions.wantedBy({ source, type, orgId, data });
    for (const subscriptionId of may) fact.may.add(subscriptionId);
    for (const subscriptionId of must) if (!fact.must.has(subscriptionId)) fact.must.set(subscriptionId, now);
    if (type === 'conversation_inactive' && invocation.functionName === 'emit-inactivity') {
      this.#options.onInactive(invocation, id, orgId, data);
    }
  }

  checkEnd(): void {
    for (const [id, events] of this.#inactivities) {
      // A mirror may stand there for a manual push of the same moment.
      const own = events.filter(({ type }) => type !== 'conversation_status_updated');
      if (!own.some((event) => this.#byKey.has(eventKey(event)))) continue;
      for (const event of events) this.#checkPublished(event, `conversation_inactive ${id} was published, or in part`);
    }
  }

  #checkPublished(event: ExpectedEvent, because: string): void {
    const key = eventKey(event);
    if (this.#byKey.has(key)) return;
    this.#options.violations.report(
      'what was accepted is on the bus, with all that follows from it',
      `${because}, but not ${key}`,
      [`${event.orgId}#${digits(event.data.conversationId ?? null)}`],
    );
  }
}

interface Detail {
  readonly id: string;
  readonly orgId: JsonValue;
  readonly type: string;
  readonly data: JsonObject;
  readonly cause: string | undefined;
  readonly occurredAt: number;
}

const timelessFactMs = 10 * 60_000;

function isTimeless(type: string, data: JsonObject): boolean {
  if (type === 'conversation_manual_push') return data.lastUpdated === undefined;
  return type === 'phone_captured' || type === 'not_yet_invented';
}

function readDetail(text: string): Detail {
  const detail = parseJson(originalJson(text));
  if (!isJsonObject(detail) || !isJsonObject(detail.data)) throw new Error(`not an event: ${text}`);
  const { id, orgId = null, type, data, cause, occurredAt } = detail;
  return {
    id: String(id),
    orgId,
    type: String(type),
    data,
    cause: typeof cause === 'string' ? cause : undefined,
    occurredAt: Number(occurredAt),
  };
}

function digits(orgId: JsonValue): string {
  return JSON.isRawJSON(orgId) ? orgId.rawJSON : String(orgId);
}
