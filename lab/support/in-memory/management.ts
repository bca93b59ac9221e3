import type { DeliveryRecord } from '../../../lambdas/domain/deliveries/delivery-ledger.ts';
import type { ResentMessage } from '../../../lambdas/domain/deliveries/endpoint-health.ts';
import type {
  ClaimedRequest,
  DeliveryFunctions,
  DeliveryHistory,
  DeliveryPlace,
  DeliveryQuery,
  MetricPeriod,
  QueueDepth,
  QueuedReplay,
  QueuedReplays,
  ReplayProgress,
  Replays,
  RequestKeys,
  SettingsStore,
  StatusRange,
  SubscriberQueues,
  SubscriptionMetrics,
} from '../../../lambdas/manage/ports.ts';

export class InMemoryDeliveries implements DeliveryHistory {
  readonly records: DeliveryRecord[] = [];
  /** Runs before each read of one record: time passes, a subscriber answers. */
  beforeRead: (webhookId: string) => void = () => undefined;
  /** Runs before each page of a list: a read takes its time. */
  beforeList: () => void = () => undefined;

  async read(subscriptionId: string, webhookId: string): Promise<DeliveryRecord | undefined> {
    this.beforeRead(webhookId);
    return this.records.find((record) => record.subscriptionId === subscriptionId && record.webhookId === webhookId);
  }

  async readMany(pairs: readonly Pick<DeliveryRecord, 'subscriptionId' | 'webhookId'>[]): Promise<DeliveryRecord[]> {
    return this.records.filter((record) =>
      pairs.some((pair) => pair.subscriptionId === record.subscriptionId && pair.webhookId === record.webhookId),
    );
  }

  async list(
    subscriptionId: string,
    query: DeliveryQuery,
  ): Promise<{ deliveries: DeliveryRecord[]; next?: DeliveryPlace }> {
    this.beforeList();
    const { state, from = 0, to = Number.POSITIVE_INFINITY, replayName, withEvent = false, limit, after } = query;
    const { eventType, lastStatus } = query;
    const fitting = this.records.filter(
      (record) =>
        record.subscriptionId === subscriptionId &&
        (state === undefined || (state === 'undelivered' ? record.state !== 'delivered' : record.state === state)) &&
        (replayName === undefined || record.replayName === replayName) &&
        (eventType === undefined || record.eventType === eventType) &&
        (lastStatus === undefined || isWithin(lastStatus, record.lastStatus ?? 0)) &&
        (record.undeliveredAt === undefined || (record.undeliveredAt >= from && record.undeliveredAt <= to)),
    );
    // The index of what was not delivered is read backwards.
    if (state !== undefined && state !== 'delivered')
      fitting.sort((one, other) => (other.undeliveredAt ?? 0) - (one.undeliveredAt ?? 0));
    const start = fitting.findIndex(({ webhookId }) => webhookId === after?.webhookId) + 1;
    const deliveries = fitting
      .slice(start, start + limit)
      .map(({ event, ...shown }) => (withEvent && event !== undefined ? { ...shown, event } : shown));
    const last = deliveries.at(-1);
    return start + limit < fitting.length && last !== undefined ? { deliveries, next: last } : { deliveries };
  }
}

const isWithin = ({ from, to }: StatusRange, status: number): boolean => status >= from && status <= to;

export class InMemoryRequestKeys implements RequestKeys {
  readonly claimed = new Map<string, ClaimedRequest>();

  async claim(keyHash: string, request: ClaimedRequest, forgottenBefore: number): Promise<ClaimedRequest> {
    const earlier = this.claimed.get(keyHash);
    if (earlier !== undefined && earlier.claimedAt > forgottenBefore) return earlier;
    this.claimed.set(keyHash, request);
    return request;
  }

  async takeUp(keyHash: string, request: ClaimedRequest, heldUntil: number): Promise<boolean> {
    const { seed, answer, heldUntil: before } = this.claimed.get(keyHash) ?? request;
    if (seed !== request.seed || answer !== undefined || before !== request.heldUntil) return false;
    this.claimed.set(keyHash, { ...request, heldUntil });
    return true;
  }

  async release(keyHash: string, request: ClaimedRequest): Promise<void> {
    this.claimed.set(keyHash, request);
  }
}

export class InMemorySubscriptionMetrics implements SubscriptionMetrics {
  periods: readonly MetricPeriod[] = [];
  isThrottled = false;
  readonly asked: unknown[] = [];

  async read(subscriptionId: string, query: Parameters<SubscriptionMetrics['read']>[1]) {
    this.asked.push({ subscriptionId, ...query });
    return this.isThrottled ? ({ kind: 'throttled' } as const) : ({ kind: 'read', periods: this.periods } as const);
  }
}

export class InMemorySettings implements SettingsStore {
  readonly seconds = new Map<string, number>();

  async quietPeriodSeconds(orgId: string): Promise<number | undefined> {
    return this.seconds.get(orgId);
  }

  async setQuietPeriodSeconds(orgId: string, seconds: number | undefined): Promise<void> {
    if (seconds === undefined) this.seconds.delete(orgId);
    else this.seconds.set(orgId, seconds);
  }
}

export class InMemoryReplays implements Replays {
  readonly known = new Map<string, ReplayProgress & { ruleName: string }>();
  isFull = false;

  async start(replay: { name: string; ruleName: string; from: number; to: number }) {
    if (this.isFull) return { kind: 'too-many' } as const;
    this.known.set(replay.name, { ...replay, state: 'running' });
    return { kind: 'started' } as const;
  }

  async describe(name: string): Promise<ReplayProgress | undefined> {
    return this.known.get(name);
  }

  async list(namePrefix: string): Promise<readonly ReplayProgress[]> {
    return [...this.known.values()].filter(({ name }) => name.startsWith(namePrefix));
  }

  async cancel(name: string): Promise<boolean> {
    const replay = this.known.get(name);
    if (replay === undefined || replay.state === 'completed') return false;
    this.known.set(name, { ...replay, state: 'cancelled' });
    return true;
  }

  /** All its events are on the bus. */
  complete(name: string): void {
    const replay = this.known.get(name);
    if (replay === undefined) throw new Error(`there is no replay ${name}`);
    this.known.set(name, { ...replay, state: 'completed' });
  }
}

export class InMemoryQueuedReplays implements QueuedReplays {
  readonly known = new Map<string, QueuedReplay>();

  async add(name: string, queued: number, at: number): Promise<void> {
    this.known.set(name, { queued: (this.known.get(name)?.queued ?? 0) + queued, queuedAt: at });
  }

  async read(name: string): Promise<QueuedReplay | undefined> {
    return this.known.get(name);
  }
}

export class InMemoryQueues implements SubscriberQueues {
  readonly envelopes: string[] = [];
  /** Of each envelope. */
  readonly delaysSeconds: number[] = [];
  exist = true;
  depths: QueueDepth | Error = { waiting: 0, inFlight: 0, deadLetters: 0 };

  async depth(): Promise<QueueDepth | undefined> {
    if (this.depths instanceof Error) throw this.depths;
    return this.exist ? this.depths : undefined;
  }

  async put(_subscriptionId: string, envelopes: readonly string[], delaySeconds = 0) {
    if (!this.exist) return undefined;
    this.envelopes.push(...envelopes);
    this.delaysSeconds.push(...envelopes.map(() => delaySeconds));
    return envelopes.map((_, index) => `sqs-${this.envelopes.length - envelopes.length + index}`);
  }
}

export class InMemoryDeliveryFunctions implements DeliveryFunctions {
  readonly resent: (ResentMessage & { readonly subscriptionId: string })[] = [];

  async resend(subscriptionId: string, message: ResentMessage): Promise<void> {
    this.resent.push({ subscriptionId, ...message });
  }
}
