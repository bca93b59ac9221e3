import { integerText, isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../lambdas/json/json.ts';
import { checkRun, type KnownActivity, type SeenBroadcast } from '../support/inactivity-reference-model.ts';
import { milliseconds } from './expected-events.ts';
import type { Invocation, InvocationOutcome } from './invocation.ts';
import type { SettingsTable } from './settings-table.ts';
import type { Violations } from './violations.ts';

const second = 1_000;
/** Calls take milliseconds, SQS delays by whole seconds. */
const undisturbedToleranceMs = 5 * second;
/** A message that met a fault comes again after its visibility timeout; then a lease and a sweep may have to pass. */
const faultToleranceMs = (182 + 60 + 60 + 60) * second;
const sweepMs = 60 * second;
/** A run in which several calls lose their answer publishes as often, and whoever comes after it once more. */
const repeatsOfFault = 3;

interface Options {
  readonly now: () => number;
  readonly violations: Violations;
  readonly settings: SettingsTable;
  /** Whether Drift has said so itself: a legacy mirror is no close, whatever the product takes it for. */
  readonly isPosted: (event: {
    readonly orgId: JsonValue;
    readonly type: string;
    readonly data: JsonObject;
  }) => boolean;
}

/** Holds what was published against the reference model (lab/support), conversation by conversation. */
export class InactivityCheck {
  readonly #options: Options;
  readonly #activities = new Map<string, Map<string, KnownActivity>>();
  /** By conversation, and the activity's own time and kind: when Drift was told that it is accepted. */
  readonly #accepted = new Map<string, Map<string, number>>();
  /** Likewise: when ingest, disturbed or not, ended with it. */
  readonly #perhapsAccepted = new Map<string, Map<string, number>>();
  readonly #broadcasts = new Map<string, SeenBroadcast[]>();
  /** By conversation: of which last activity its record says that it is being published, and since which run. */
  readonly #begun = new Map<
    string,
    { readonly lastActivityAt: number; readonly lookedFrom: number; readonly at: number }
  >();
  readonly #faults = new Map<string, number>();
  readonly #failedSweeps: number[] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  onStart(invocation: Invocation, event: unknown): void {
    // What an invocation is about is known before it has looked: it may end before.
    if (invocation.functionName === 'emit-inactivity') for (const key of timersIn(event)) invocation.about.add(key);
    if (invocation.functionName !== 'track-activity') return;
    for (const { messageId, conversation, at, kind } of this.#activitiesIn(event)) {
      invocation.about.add(conversation);
      const known = this.#activities.get(conversation) ?? new Map<string, KnownActivity>();
      this.#activities.set(conversation, known);
      if (known.has(messageId)) continue;
      known.set(messageId, {
        conversation,
        at,
        kind,
        knownFrom: this.#options.now(),
        knownBy: Number.POSITIVE_INFINITY,
      });
    }
  }

  onEnd(invocation: Invocation, event: unknown, outcome: InvocationOutcome): void {
    const { functionName } = invocation;
    if (functionName === 'ingest') this.#onIngested(event, invocation.isDisturbed ? undefined : outcome);
    const isSweep = functionName === 'sweep-inactivity';
    if (!isSweep && functionName !== 'track-activity' && functionName !== 'emit-inactivity') return;
    if (invocation.isDisturbed) {
      for (const conversation of invocation.about)
        this.#faults.set(conversation, (this.#faults.get(conversation) ?? 0) + 1);
      if (isSweep) this.onMissedSweep();
    }
    if (functionName !== 'track-activity' || outcome.kind !== 'answered') return;
    const failed = failuresIn(outcome.value);
    for (const { messageId, conversation } of this.#activitiesIn(event)) {
      const known = this.#activities.get(conversation);
      const activity = known?.get(messageId);
      if (activity === undefined || failed.has(messageId) || Number.isFinite(activity.knownBy)) continue;
      known?.set(messageId, { ...activity, knownBy: this.#options.now() });
    }
  }

  /** From its answer on an activity counts, wherever it is. An ingest that was disturbed (no `outcome`) may have noted it, or not. */
  #onIngested(event: unknown, outcome: InvocationOutcome | undefined): void {
    const answer = outcome?.kind === 'answered' ? (outcome.value as { statusCode?: number }) : {};
    const post = parseJson((event as { body: string }).body) as unknown as {
      readonly orgId: JsonValue;
      readonly type: string;
      readonly data: JsonObject;
    };
    const at = milliseconds(post.data.createdAt ?? post.data.changedAt ?? post.data.lastUpdated);
    const kind = kindOf(post.type, post.data);
    if (kind === undefined || at === null) return;
    const conversation = conversationOf(post.orgId, post.type, post.data);
    const activity = `${countedAt(at, kind, post.data)} ${kind}`;
    this.#remember(this.#perhapsAccepted, conversation, activity);
    if (answer.statusCode === 202) this.#remember(this.#accepted, conversation, activity);
  }

  #remember(times: Map<string, Map<string, number>>, conversation: string, activity: string): void {
    const known = times.get(conversation) ?? new Map<string, number>();
    times.set(conversation, known);
    if (!known.has(activity)) known.set(activity, this.#options.now());
  }

  onMissedSweep(): void {
    this.#failedSweeps.push(this.#options.now());
  }

  /** What was begun is published to its end, whatever comes meanwhile (docs/decisions/0001): right is what was right then. */
  onTimer(invocation: Invocation, conversation: string, publishing: number | undefined): void {
    if (publishing === this.#begun.get(conversation)?.lastActivityAt) return;
    this.#begun.delete(conversation);
    if (publishing === undefined) return;
    const { startedAt: lookedFrom } = invocation;
    this.#begun.set(conversation, { lastActivityAt: publishing, lookedFrom, at: this.#options.now() });
  }

  onInactive(invocation: Invocation, id: string, orgId: JsonValue, data: JsonObject): void {
    const now = this.#options.now();
    const conversation = `${integerText(orgId)}#${integerText(data.conversationId)}`;
    const begun = this.#begun.get(conversation);
    const isBegun = begun?.lastActivityAt === Number(data.lastUpdated);
    const { lookedFrom, at } = isBegun ? begun : { lookedFrom: invocation.startedAt, at: now };
    const broadcasts = this.#broadcasts.get(conversation) ?? [];
    broadcasts.push({
      conversation,
      id,
      lastUpdated: Number(data.lastUpdated),
      publishedAt: now,
      // Here calls take time: between the look at the conversation and the bus, another message may move it on.
      lookedFrom,
      clockAtPublish: at,
    });
    this.#broadcasts.set(conversation, broadcasts);
  }

  checkEnd(): void {
    for (const conversation of new Set([...this.#activities.keys(), ...this.#broadcasts.keys()]))
      this.#check(conversation);
  }

  *#activitiesIn(
    event: unknown,
  ): Generator<Pick<KnownActivity, 'conversation' | 'at' | 'kind'> & { messageId: string }> {
    const { Records: records } = event as { Records: { messageId: string; body: string }[] };
    for (const { messageId, body } of records) {
      const envelope = parseJson(body);
      const detail = isJsonObject(envelope) ? envelope.detail : undefined;
      if (!isJsonObject(detail) || !isJsonObject(detail.data)) continue;
      const { orgId = null, data } = detail;
      const kind = kindOf(String(detail.type), data);
      if (kind === undefined) continue;
      if (kind === 'closes' && !this.#options.isPosted({ orgId, type: String(detail.type), data })) continue;
      yield {
        messageId,
        conversation: conversationOf(orgId, String(detail.type), data),
        at: countedAt(Number(detail.occurredAt), kind, data),
        kind,
      };
    }
  }

  #check(conversation: string): void {
    const accepted = this.#accepted.get(conversation);
    const perhapsAccepted = this.#perhapsAccepted.get(conversation);
    const activities = [...(this.#activities.get(conversation)?.values() ?? [])].map((activity) => {
      const acceptedAt = accepted?.get(`${activity.at} ${activity.kind}`);
      const perhapsFrom = perhapsAccepted?.get(`${activity.at} ${activity.kind}`);
      return {
        ...activity,
        ...(acceptedAt === undefined ? {} : { acceptedAt }),
        ...(perhapsFrom === undefined ? {} : { perhapsFrom }),
      };
    });
    const broadcasts = this.#broadcasts.get(conversation) ?? [];
    const quietPeriods = this.#options.settings.changesOf(conversation.split('#')[0] ?? '');
    const maxQuietMs = Math.max(...quietPeriods.map(({ seconds }) => seconds)) * second;
    const firstKnown = Math.min(...activities.map(({ knownFrom }) => knownFrom));
    const lastKnown = Math.max(
      ...activities.map(({ at, knownFrom, knownBy }) =>
        Math.max(at, knownFrom, Number.isFinite(knownBy) ? knownBy : 0),
      ),
    );
    const faults = this.#faults.get(conversation) ?? 0;
    const horizon = lastKnown + maxQuietMs + faults * faultToleranceMs;
    // Each that is missed leaves the next to be waited for.
    let failedSweeps = 0;
    for (const missedAt of this.#failedSweeps) {
      if (missedAt >= firstKnown - sweepMs && missedAt <= horizon + (1 + failedSweeps) * sweepMs) failedSweeps++;
    }
    const toleranceMs =
      undisturbedToleranceMs + faults * faultToleranceMs + (failedSweeps + Math.sign(failedSweeps)) * sweepMs;
    const wrong = checkRun({
      activities,
      broadcasts,
      quietPeriods,
      toleranceMs,
      maxRepeats: faults * repeatsOfFault,
      endedAt: Math.min(this.#options.now(), horizon + toleranceMs + 30 * second),
      // The model goes through the time step by step, and a run has many conversations.
      stepMs: 7 * second,
    });
    for (const text of wrong) {
      this.#options.violations.report('inactivity is what the reference model says', readable(text), [conversation]);
    }
  }
}

/** Written again from docs/events.md. */
function kindOf(type: string, { status, author }: JsonObject): KnownActivity['kind'] | undefined {
  switch (type) {
    case 'new_conversation':
      return 'opens';
    case 'conversation_status_updated':
      return status === 'closed' ? 'closes' : 'opens';
    case 'new_message':
    case 'new_command_message':
    case 'button_clicked':
      return isJsonObject(author) && author.type === 'contact' && author.bot === false ? 'opens' : 'note';
    case 'conversation_inactive':
      return 'settles';
    default:
      return undefined;
  }
}

/** A close in whole seconds is anywhere within its second: it counts to the end of it (docs/events.md). */
function countedAt(at: number, kind: KnownActivity['kind'], { changedAt }: JsonObject): number {
  return kind === 'closes' && typeof changedAt === 'number' && changedAt < 1e11 ? at + 999 : at;
}

function conversationOf(orgId: JsonValue, type: string, { id, conversationId }: JsonObject): string {
  const value = type === 'new_conversation' ? id : conversationId;
  return `${integerText(orgId)}#${typeof value === 'string' ? value : integerText(value)}`;
}

function timersIn(event: unknown): string[] {
  const { Records: records } = event as { Records: { body: string }[] };
  return records.map(({ body }) => (JSON.parse(body) as { conversationKey: string }).conversationKey);
}

function failuresIn(value: unknown): Set<string> {
  const { batchItemFailures = [] } = (value ?? {}) as { batchItemFailures?: { itemIdentifier: string }[] };
  return new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
}

/** Epoch milliseconds as times. */
function readable(text: string): string {
  return text.replace(/\b1[5-9]\d{11}\b/g, (digits) =>
    new Date(Number(digits)).toISOString().slice(5, 23).replace('T', ' '),
  );
}
