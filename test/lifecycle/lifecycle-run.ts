import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { InMemoryConversations } from '../../lab/support/in-memory/conversations.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import type { KnownActivity, Run, SeenBroadcast } from '../../lab/support/inactivity-reference-model.ts';
import { aLambdaContext, anEnvelope, anSqsRecord } from '../../lab/support/sqs-events.ts';
import { type Broadcast, deriveBroadcasts } from '../../lambdas/domain/events/derive.ts';
import type { DriftEvent } from '../../lambdas/domain/events/drift-event.ts';
import { activityTypes, eventTypes } from '../../lambdas/domain/events/event-types.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import { createEmitInactivityHandler } from '../../lambdas/inactivity/emit/handler.ts';
import type { ConversationStore, QuietPeriods, TimerQueue } from '../../lambdas/inactivity/ports.ts';
import { createSweepInactivityHandler } from '../../lambdas/inactivity/sweep/handler.ts';
import { createTrackActivityHandler } from '../../lambdas/inactivity/track/handler.ts';
import { integerText, parseJson } from '../../lambdas/json/json.ts';
import type { EventPublisher, PublishOutcome } from '../../lambdas/ports/event-publisher.ts';

/** One thing that happens in a history. Times are seconds relative to the moment at which it happens. */
export type Step =
  | { readonly kind: 'activity'; readonly conversation: number; readonly agoSeconds: number; readonly closes: boolean }
  | { readonly kind: 'repeat'; readonly index: number }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'set-quiet-period'; readonly seconds: number }
  | { readonly kind: 'step-clock'; readonly seconds: number }
  | { readonly kind: 'miss-sweeps'; readonly count: number }
  | { readonly kind: 'crash'; readonly afterCalls: number }
  | { readonly kind: 'fail-publish' };

interface Message {
  readonly messageId: string;
  readonly body: string;
  visibleAt: number;
  receiveCount: number;
}

/** How long SQS hides the messages of an invocation that crashed. */
const visibilityMs = 30_000;
const sweepEveryMs = 60_000;
const start = Date.UTC(2026, 10, 22);

/**
 * The three lifecycle functions, as they are, on virtual time and with doubles at their ports. Every call of a port
 * waits for its turn, and the turns are drawn: so all interleavings of what runs at once occur. An invocation can be
 * ended at any call, before or after it took effect.
 */
export class LifecycleRun {
  readonly conversations = new InMemoryConversations();
  readonly metrics = new RecordedMetrics();
  private readonly log = new RecordedLog();
  private readonly random: () => number;
  /** True time, in which messages become visible; the functions' clock may be off by `clockOffsetMs`. */
  private now = start;
  private clockOffsetMs = 0;
  private nextSweepAt = start + sweepEveryMs;
  private sweepsToMiss = 0;
  private crashAfterCalls: number | undefined;
  private publishesToFail = 0;
  private faults = 0;
  private clockStepMs = 0;
  private missedSweeps = 0;
  private quietSeconds: number;
  private readonly quietPeriods: { since: number; seconds: number }[];
  private readonly activityQueue: Message[] = [];
  private readonly timersQueue: Message[] = [];
  private readonly posted: DriftEvent[] = [];
  private readonly known = new Map<string, KnownActivity>();
  private readonly broadcasts: SeenBroadcast[] = [];
  readonly published: { broadcast: Broadcast; at: number }[] = [];
  private readonly turns: (() => void)[] = [];
  private messages = 0;

  constructor(seed: number, quietSeconds: number) {
    this.random = mulberry32(seed);
    this.quietSeconds = quietSeconds;
    this.quietPeriods = [{ since: start, seconds: quietSeconds }];
  }

  async play(steps: readonly Step[]): Promise<Run> {
    for (const step of steps) await this.do(step);
    // Undisturbed to the end: whatever was injected, the system comes to rest by itself.
    this.crashAfterCalls = undefined;
    this.publishesToFail = 0;
    this.sweepsToMiss = 0;
    const longest = Math.max(...this.quietPeriods.map(({ seconds }) => seconds));
    await this.advance((2 * longest + 300) * 1000 + this.toleranceMs());
    return {
      activities: [...this.known.values()],
      broadcasts: this.broadcasts,
      quietPeriods: this.quietPeriods,
      endedAt: this.now,
      toleranceMs: this.toleranceMs(),
      mayRepeat: this.faults > 0,
    };
  }

  private toleranceMs(): number {
    // Undisturbed: the whole second to which SQS delays. A fault costs a redelivery, or a sweep that heals it.
    const disturbed =
      this.faults * (visibilityMs + 2 * sweepEveryMs) + this.missedSweeps * sweepEveryMs + 2 * this.clockStepMs;
    return disturbed > 0 ? 2_000 + sweepEveryMs + disturbed : 2_000;
  }

  private clock(): number {
    return this.now + this.clockOffsetMs;
  }

  private async do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'activity': {
        const at = this.clock() - step.agoSeconds * 1000;
        const data = step.closes
          ? { conversationId: step.conversation, status: 'closed', changedAt: at }
          : { id: this.posted.length, conversationId: step.conversation, createdAt: at };
        this.post({
          orgId: '1',
          type: step.closes ? eventTypes.conversationStatusUpdated : eventTypes.newMessage,
          data,
        });
        return;
      }
      case 'repeat': {
        const event = this.posted[step.index % Math.max(1, this.posted.length)];
        if (event !== undefined) this.post(event);
        return;
      }
      case 'wait':
        return this.advance(step.seconds * 1000);
      case 'set-quiet-period':
        this.quietSeconds = step.seconds;
        this.quietPeriods.push({ since: this.now, seconds: step.seconds });
        return;
      case 'step-clock':
        this.clockOffsetMs += step.seconds * 1000;
        this.clockStepMs += Math.abs(step.seconds) * 1000;
        return;
      case 'miss-sweeps':
        this.sweepsToMiss += step.count;
        this.missedSweeps += step.count;
        return;
      case 'crash':
        this.crashAfterCalls = step.afterCalls;
        return;
      case 'fail-publish':
        this.publishesToFail++;
        return;
      default:
        throw step satisfies never;
    }
  }

  /** As ingest does: derived and put on the bus, whose activity rule fills the queue, in no certain order. */
  private post(event: DriftEvent): void {
    this.posted.push(event);
    const { broadcasts } = deriveBroadcasts(event, this.clock(), publishedLegacyTimeline);
    for (const broadcast of broadcasts) {
      if (broadcast.detail.cause !== undefined || !activityTypes.includes(broadcast.detail.type)) continue;
      const delayMs = this.random() < 0.3 ? Math.floor(this.random() * 3000) : 0;
      this.activityQueue.push(this.message(JSON.stringify(anEnvelope(broadcast)), delayMs));
    }
  }

  private message(body: string, delayMs: number): Message {
    return { messageId: String(this.messages++), body, visibleAt: this.now + delayMs, receiveCount: 0 };
  }

  private async advance(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      await this.work();
      const next = Math.min(
        this.nextSweepAt,
        ...[...this.activityQueue, ...this.timersQueue].map(({ visibleAt }) => visibleAt),
      );
      if (next > until) break;
      this.now = Math.max(this.now, next);
    }
    this.now = until;
  }

  /** Runs all that can run now, some of it at once. */
  private async work(): Promise<void> {
    for (;;) {
      const running: Promise<void>[] = [];
      for (let slot = 0; slot < 2; slot++) {
        const activityBatch = this.receive(this.activityQueue);
        if (activityBatch.length > 0) running.push(this.invokeTrack(activityBatch));
        const timersBatch = this.receive(this.timersQueue);
        if (timersBatch.length > 0) running.push(this.invokeEmit(timersBatch));
      }
      if (this.now >= this.nextSweepAt) {
        this.nextSweepAt += sweepEveryMs;
        if (this.sweepsToMiss > 0) this.sweepsToMiss--;
        else running.push(this.invokeSweep());
      }
      if (running.length === 0) return;
      await this.takeTurns(Promise.all(running));
    }
  }

  private receive(queue: Message[]): Message[] {
    const visible = queue.filter(({ visibleAt }) => visibleAt <= this.now).sort(() => this.random() - 0.5);
    const batch = visible.slice(0, 1 + Math.floor(this.random() * 10));
    for (const message of batch) {
      message.receiveCount++;
      message.visibleAt = this.now + visibilityMs;
    }
    return batch;
  }

  /** Releases the waiting calls in a drawn order until all is done. */
  private async takeTurns(done: Promise<unknown>): Promise<void> {
    let settled = false;
    done.then(
      () => {
        settled = true;
      },
      () => {
        settled = true;
      },
    );
    for (;;) {
      await new Promise(setImmediate);
      if (settled) break;
      const [turn] = this.turns.splice(Math.floor(this.random() * this.turns.length), 1);
      turn?.();
    }
    await done;
  }

  /** The ports of one invocation; after its crash none of them answers any more. */
  private invocation() {
    let crashed = false;
    const countdown = this.crashAfterCalls;
    if (countdown !== undefined) {
      this.crashAfterCalls = undefined;
      this.faults++;
    }
    let calls = 0;
    const turn = async (): Promise<void> => {
      await new Promise<void>((resolve) => this.turns.push(resolve));
      if (crashed || (countdown !== undefined && calls++ >= countdown)) {
        crashed = true;
        throw new Error('crashed');
      }
    };
    const around = async <Result>(effect: () => Promise<Result>): Promise<Result> => {
      await turn();
      const result = await effect();
      await turn();
      return result;
    };
    const { conversations } = this;
    const store: ConversationStore = {
      readMany: (keys) => around(() => conversations.readMany(keys)),
      read: (key) => around(() => conversations.read(key)),
      replace: (key, expected, next) => around(() => conversations.replace(key, expected, next)),
      dueTimers: (shard, until) => conversations.dueTimers(shard, until),
    };
    const quietPeriods: QuietPeriods = {
      ofOrgs: (orgIds) => around(async () => new Map(orgIds.map((orgId) => [orgId, this.quietSeconds]))),
    };
    const timers: TimerQueue = {
      schedule: (due) =>
        around(async () => {
          for (const { conversationKey, dueAt, delaySeconds } of due) {
            this.timersQueue.push(this.message(JSON.stringify({ conversationKey, dueAt }), delaySeconds * 1000));
          }
        }),
    };
    const publisher: EventPublisher = { publish: (broadcasts) => around(() => this.publish(broadcasts)) };
    return { store, quietPeriods, timers, publisher, hasCrashed: () => crashed };
  }

  private async publish(broadcasts: readonly Broadcast[]): Promise<PublishOutcome> {
    if (this.publishesToFail > 0) {
      this.publishesToFail--;
      this.faults++;
      return { kind: 'failed', reason: 'ThrottlingException' };
    }
    for (const broadcast of broadcasts) {
      const { type, data, id } = broadcast.detail;
      this.published.push({ broadcast, at: this.clock() });
      if (type === eventTypes.conversationInactive) {
        this.broadcasts.push({
          conversation: integerText(data.conversationId) ?? '',
          id,
          lastUpdated: Number(data.lastUpdated),
          publishedAt: this.now,
          clockAtPublish: this.clock(),
        });
      }
    }
    return { kind: 'published' };
  }

  private async invokeTrack(batch: Message[]): Promise<void> {
    for (const message of batch) this.note(message, 'from');
    const ports = this.invocation();
    const handler = createTrackActivityHandler({ conversations: ports.store, ...ports, ...this.shared() });
    await this.settle(this.activityQueue, batch, ports.hasCrashed, (event) => handler(event, aLambdaContext()));
    for (const message of batch) if (!this.activityQueue.includes(message)) this.note(message, 'by');
  }

  private async invokeEmit(batch: Message[]): Promise<void> {
    const ports = this.invocation();
    const handler = createEmitInactivityHandler({
      conversations: ports.store,
      timeline: publishedLegacyTimeline,
      ...ports,
      ...this.shared(),
    });
    await this.settle(this.timersQueue, batch, ports.hasCrashed, (event) => handler(event, aLambdaContext()));
  }

  private async invokeSweep(): Promise<void> {
    const ports = this.invocation();
    const handler = createSweepInactivityHandler({ conversations: ports.store, ...ports, ...this.shared() });
    await Promise.resolve(handler({}, aLambdaContext())).catch(() => undefined);
  }

  private shared() {
    return { clock: () => this.clock(), metrics: this.metrics, log: this.log };
  }

  private async settle(
    queue: Message[],
    batch: Message[],
    hasCrashed: () => boolean,
    run: (event: SQSEvent) => Promise<SQSBatchResponse>,
  ): Promise<void> {
    const records = batch.map(({ body, messageId, receiveCount }) => anSqsRecord(body, { messageId, receiveCount }));
    const result = await run({ Records: records }).catch(() => undefined);
    if (hasCrashed() || result === undefined) return;
    const failed = new Set(result.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const message of batch) if (!failed.has(message.messageId)) queue.splice(queue.indexOf(message), 1);
  }

  private note(message: Message, edge: 'from' | 'by'): void {
    const { detail } = parseJson(message.body) as unknown as { detail: Broadcast['detail'] };
    const before = this.known.get(message.messageId);
    this.known.set(message.messageId, {
      conversation: integerText(detail.data.conversationId) ?? '',
      at: detail.occurredAt,
      closes: detail.type === eventTypes.conversationStatusUpdated,
      knownFrom: before?.knownFrom ?? this.now,
      knownBy: edge === 'by' ? this.now : Number.POSITIVE_INFINITY,
    });
  }
}

function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
