import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import { explainOutcome } from '../../lambdas/domain/history/explanation.ts';
import { judge } from '../../lambdas/manage/event-history.ts';
import { writeScript } from './conversation-script.ts';
import type { DoubleKind } from './delivery-check.ts';
import { Drift } from './drift.ts';
import type { FaultKind } from './fault-weather.ts';
import { Operators } from './operators.ts';
import { Random } from './random.ts';
import type { Violation } from './violations.ts';
import { driftToken, World } from './world.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly days: number;
  /** Costs about a tenth of the run. */
  readonly withDigest?: boolean;
}

export interface RunReport {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The last steps that concern the first violation. */
  readonly history: readonly string[];
  /** Equal where two runs did the same, step by step. */
  readonly digest: string | undefined;
  readonly counts: {
    readonly eventsAccepted: number;
    readonly entriesPublished: number;
    readonly attempts: number;
    readonly answered2xx: number;
    /** Ledger items by their state at the end. */
    readonly ledger: Readonly<Record<string, number>>;
    readonly doubles: Readonly<Record<DoubleKind, number>>;
    readonly faults: ReadonlyMap<FaultKind, number>;
    readonly steps: number;
    /** From the first event to rest. */
    readonly simulatedMs: number;
  };
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Whose phases of the legacy timeline a run goes through. */
const beginnings = [
  Date.UTC(2026, 10, 22),
  Date.UTC(2020, 5, 10),
  publishedLegacyTimeline.mirroredAt - 12 * hour,
  publishedLegacyTimeline.removedAt - 12 * hour,
];
/** Few enough that 200 days are simulated within `npm test`; they come in rushes, so there are as many as get into each other's way. */
const conversationsPerDay = 16;
const rushesPerDay = 3;
const subscribersAtFirst = 4;
const changesPerDay = 10;
const resendsPerDay = 6;
/**
 * An endpoint that fails is disabled after five days; what its queue then gives up after 14 days is told in an event, which may
 * wait as long in that queue.
 */
const maxDrainMs = (5 + 2 * 14 + 2) * day;
/** Runs in which nobody ever looks after one subscriber again, and in which what endpoints never take stays so. */
const abandonedFraction = 0.02;
const stubbornFraction = 0.05;
const stepsShown = 40;

/** One run: some days with faults, then peace until all has come to rest. Everything in it follows from the seed. */
export async function simulate({ seed, days, withDigest = false }: SimulationOptions): Promise<RunReport> {
  const random = new Random(seed);
  const startAt = random.pick(beginnings);
  const endsAt = startAt + days * day;
  const world = new World(random, startAt);
  const { scheduler, violations } = world;
  const isOver = () => violations.any;
  // The first conversations begin when the first subscribers are there.
  const from = startAt + 10 * minute;
  const rushes = Array.from({ length: rushesPerDay * days }, () => from + random.integer(0, days * day));
  const operators = new Operators({
    scheduler,
    random: random.fork('operators'),
    functions: world.functions,
    subscriptions: world.subscriptions,
    from: startAt,
    until: endsAt,
    subscribers: subscribersAtFirst,
    changes: changesPerDay * days,
    rushes,
    deploy: () => world.deploy(),
    resends: resendsPerDay * days,
    onResend: (id, webhookId) => world.deliveryCheck.onResend(id, webhookId),
    holdsLegacy: startAt < publishedLegacyTimeline.removedAt,
  });
  world.operators = operators;
  const drift = new Drift({ ...world, random: random.fork('drift'), token: driftToken });
  operators.start();
  drift.play(writeScript(random.fork('script'), { from, days, rushes }, conversationsPerDay));
  await scheduler.runUntil(endsAt + hour, isOver);

  world.drain();
  const abandoned = random.chance(abandonedFraction) ? [...world.subscriptions.configs.keys()][0] : undefined;
  void operators.end(abandoned, random.chance(stubbornFraction));
  const deadline = scheduler.now() + maxDrainMs;
  // One more hour after rest: the reconcile of all routes finds nothing left to do.
  for (let restful = 0; restful < 2 && scheduler.now() < deadline && !isOver(); ) {
    // Not always at the same minute, which may be that of the hourly run.
    await scheduler.runUntil(scheduler.now() + hour + minute, isOver);
    restful = drift.underWay === 0 && world.isAtRest() ? restful + 1 : 0;
  }
  if (!isOver()) checkEnd(world, abandoned);
  world.stop();

  const [first] = violations.found;
  const { facts, deliveryCheck, weather, history } = world;
  return {
    seed,
    violations: violations.found,
    history: first === undefined ? [] : history.lastAbout(first.about, stepsShown),
    digest: withDigest ? history.digest() : undefined,
    counts: {
      eventsAccepted: facts.accepted,
      entriesPublished: facts.published,
      attempts: deliveryCheck.attempts,
      answered2xx: deliveryCheck.accepted,
      ledger: countBy(
        [...world.deliveries.bySubscription.values()].flatMap((table) => [...table.values()]),
        'state',
      ),
      doubles: deliveryCheck.doubles,
      faults: weather.counts,
      steps: scheduler.steps,
      simulatedMs: scheduler.now() - startAt,
    },
  };
}

/** Each event is found, and what is said of it at each subscription is what happened there. */
function checkHistory(world: World): void {
  const { violations, deliveryCheck, subscriptions, deliveries, events, scheduler } = world;
  const now = scheduler.now();
  const rules = { outboundPolicy: 'public', timeline: publishedLegacyTimeline, now } as const;
  const judged = world.subscriptionCheck.existing().map((id) => ({ id, is: judge(subscriptions.get(id), rules) }));
  for (const { id: webhookId, type } of world.facts.all()) {
    const event = events.events.get(webhookId);
    if (event === undefined) {
      violations.report('every published event is in the history', `${type} ${webhookId} is missing`, [webhookId]);
      continue;
    }
    for (const { id, is } of judged) {
      const record = deliveries.get(id, webhookId);
      const { outcome } = explainOutcome(event, is, record, now);
      const isHeldRetry = outcome === 'held' && record?.state === 'retrying';
      const isTried = isHeldRetry || ['delivered', 'retrying', 'exhausted', 'discarded'].includes(outcome);
      // Whoever had this id before may have got it, also while the history did not have it yet.
      const acceptedAt = subscriptions.get(id).state?.acceptedAt ?? 0;
      if (event.recordedAt < acceptedAt) continue;
      const isAccepted = deliveryCheck.isAccepted(id, webhookId, outcome === 'delivered' ? 0 : acceptedAt);
      if (outcome === 'delivered' ? isAccepted : isTried || !isAccepted) continue;
      // The ledger was not told, and the message that would have come again was that of a replay, which was cancelled.
      const isCancelled = (subscriptions.get(id).state?.cancelledReplays ?? []).length > 0;
      if (record === undefined && isCancelled && !deliveryCheck.isWritten(id, webhookId)) continue;
      const text = `${webhookId} is ${outcome} at ${id}, whose endpoint ${isAccepted ? 'took it' : 'never took it'}`;
      violations.report('the history says what happened', text, [webhookId, id]);
    }
  }
}

function countBy<Key extends string>(
  items: readonly Readonly<Record<Key, string>>[],
  key: Key,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item[key]] = (counts[item[key]] ?? 0) + 1;
  return counts;
}

function checkEnd(world: World, abandoned: string | undefined): void {
  const { violations } = world;
  world.facts.checkEnd();
  world.inactivityCheck.checkEnd();
  world.deliveryCheck.checkEnd((subscriptionId, webhookId) => world.deliveries.get(subscriptionId, webhookId));
  checkHistory(world);
  const grows = (text: string, about: readonly string[] = []) =>
    violations.report('nothing grows without bound', text, about);
  for (const { queue, messages } of world.waiting())
    grows(`${messages} messages are left in ${queue}`, [queue, queue.replace(/^sim-/, '')]);
  if (world.conversations.armedTimers > 0) {
    const armed = [...world.conversations.items].filter(([, { timer }]) => timer.dueAt !== undefined);
    grows(
      `${armed.length} timers are still armed`,
      armed.map(([key]) => key),
    );
  }
  const existing = new Set(world.subscriptionCheck.existing());
  for (const owner of world.controlPlane.owners()) {
    if (!existing.has(owner)) grows(`a route of ${owner} is left, which was deleted`, [owner]);
  }
  for (const id of world.subscriptions.leases.leases.keys()) grows(`a lease of ${id} is left`, [id]);
  for (const id of world.subscriptions.states.keys()) {
    if (!existing.has(id)) grows(`a state record of ${id} is left, which was deleted`, [id]);
  }
  const owners = world.controlPlane.owners();
  for (const id of existing) {
    const state = world.subscriptions.states.get(id);
    if (!owners.has(id) || state?.provisioning !== 'ready') {
      violations.report(
        'a change of a subscription comes into force',
        `${id} is ${state?.provisioning ?? 'unknown'} at the end`,
        [id],
      );
    }
    const code = world.controlPlane.functions.get(`${world.routeSettings.prefix}-${id}`)?.code.key;
    if (state?.provisioning === 'ready' && code !== world.routeSettings.deliverCode.key) {
      violations.report('a deploy reaches every subscriber', `${id} is delivered to by ${code}`, [id]);
    }
    if (id === abandoned) continue;
    for (const record of world.deliveries.bySubscription.get(id)?.values() ?? []) {
      if (record.state !== 'retrying' || world.subscriptionCheck.wasDeletedAfter(id, 0)) continue;
      grows(`${record.webhookId} is still retrying at ${id}`, [record.webhookId, id]);
    }
  }
  const records = [...world.deliveries.bySubscription.values()].reduce((sum, table) => sum + table.size, 0);
  const pairs = [...world.facts.all()].reduce((sum, { may }) => sum + may.size, 0);
  if (records > pairs) grows(`${records} ledger items for ${pairs} events and subscribers`);
}
