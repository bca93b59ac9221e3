import { beforeEach, describe, expect, it } from 'vitest';
import { InMemoryRoutes } from '../../lab/support/in-memory/route-control-plane.ts';
import { InMemoryLeases } from '../../lab/support/in-memory/route-leases.ts';
import { InMemoryGate, InMemorySubscriptions } from '../../lab/support/in-memory/subscriptions.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import {
  aSecret,
  aSubscriptionItem,
  aTimeline,
  day,
  longGoneTimeline,
  routeSettings,
} from '../../lab/support/subscriptions.ts';
import { deliverEnv } from '../../lambdas/deliver/env.ts';
import type { RouteSettings } from '../../lambdas/domain/routes/desired-route.ts';
import type { JsonObject } from '../../lambdas/json/json.ts';
import { createReconcile } from '../../lambdas/provision/reconcile.ts';
import { routeSettings as settingsFromEnvironment } from '../../lambdas/provision/route-settings.ts';

const name = 'fanout-test-sub_1';
const aProvisionEnvironment = {
  SUBSCRIPTIONS_TABLE: 'subscriptions',
  DELIVERIES_TABLE: 'deliveries',
  EVENT_BUS_NAME: 'fanout-bus',
  ROUTE_PREFIX: 'fanout-test',
  DELIVER_CODE_BUCKET: 'assets',
  DELIVER_CODE_KEY: 'one.zip',
  DELIVER_ROLE_ARN: 'arn:aws:iam::123456789012:role/deliver',
  DELIVER_LOG_GROUP: 'deliveries',
  TAGS: '{}',
  CONTROL_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/control',
  OUTBOUND_POLICY: 'public',
  TRACES: 'off',
  RULE_SETTLE_SECONDS: '30',
  LEGACY_TIMELINE: '{}',
  DISABLE_AFTER_SECONDS: '432000',
} as const;

let draws = 0;

class World {
  readonly subscriptions = new InMemorySubscriptions();
  readonly leases = new InMemoryLeases();
  readonly gate = new InMemoryGate();
  readonly routes = new InMemoryRoutes('fanout-test');
  readonly metrics = new RecordedMetrics();
  now = 100 * day;
  ruleSettleSeconds = 0;
  settings: RouteSettings = routeSettings();
  timeline = longGoneTimeline;

  remainingMs = 300_000;

  reconcile(subscriptionId = 'sub_1', endpointChangedAt?: number) {
    return createReconcile({
      subscriptions: this.subscriptions,
      leases: this.leases,
      gate: this.gate,
      routes: this.routes,
      settings: this.settings,
      ruleSettleSeconds: this.ruleSettleSeconds,
      outboundPolicy: 'public',
      timeline: this.timeline,
      randomBytes: (count) => Buffer.alloc(count, ++draws),
      clock: () => this.now,
      metrics: this.metrics,
      log: new RecordedLog(),
    })(subscriptionId, { remainingMs: () => this.remainingMs, endpointChangedAt });
  }

  async write(fields: JsonObject = {}): Promise<void> {
    this.subscriptions.put(aSubscriptionItem(fields));
    await this.reconcile();
  }

  /** The process ends after so many steps more: writes of its state, or actions. Returns how many were done. */
  crashAfter(steps: number): () => number {
    let count = 0;
    const beforeStep = () => {
      if (count >= steps) throw new Error('the process ended');
      count++;
    };
    this.routes.beforeStep = beforeStep;
    this.subscriptions.beforeStep = beforeStep;
    return () => count;
  }

  state() {
    return this.subscriptions.states.get('sub_1');
  }

  mapping() {
    return [...this.routes.mappings.values()][0];
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('a subscription that is written into the table', () => {
  it('gets its rule, queues, function and mapping, and is ready', async () => {
    await world.write();
    expect([...world.routes.rules.keys()]).toEqual([name]);
    expect([...world.routes.queues.keys()].sort()).toEqual([name, `${name}-dlq`]);
    expect([...world.routes.functions.keys()]).toEqual([name]);
    expect(world.mapping()).toMatchObject({
      queueName: name,
      functionName: name,
      enabled: true,
      maximumConcurrency: 10,
    });
    expect(world.state()?.provisioning).toBe('ready');
  });

  it('loses no event while it is made: the queues stand before the rule, and nothing is signed before there is a secret', async () => {
    await world.write();
    const kinds = world.routes.applied.map(({ kind }) => kind);
    expect(kinds.lastIndexOf('create-queue')).toBeLessThan(kinds.indexOf('put-rule'));
    expect(kinds.at(-1)).toBe('create-mapping');
  });

  it('has a delivery function with an environment that the function takes', async () => {
    world.settings = settingsFromEnvironment(aProvisionEnvironment, 'eu-central-1');
    await world.write();
    const { environment } = world.routes.functions.get(name) ?? {};
    expect(deliverEnv.safeParse(environment).success).toBe(true);
    expect(environment).toMatchObject({
      SUBSCRIPTION_ID: 'sub_1',
      QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/123456789012/fanout-test-sub_1',
    });
  });

  it('does nothing, and writes nothing, when all is as it should be', async () => {
    await world.write();
    const { length } = world.routes.applied;
    const { stateWrites } = world.subscriptions;
    await world.reconcile();
    expect(world.routes.applied).toHaveLength(length);
    expect(world.subscriptions.stateWrites).toBe(stateWrites);
  });

  it('without a secret gets one, and keeps it', async () => {
    const { secrets: _, ...item } = aSubscriptionItem();
    world.subscriptions.put(item as typeof item & { subscriptionId: string });
    await world.reconcile();
    const generated = world.state()?.generatedSecrets;
    expect(generated?.[0]?.secret).toMatch(/^whsec_/);
    await world.reconcile();
    expect(world.state()?.generatedSecrets).toEqual(generated);
  });
});

describe('a change', () => {
  it('of what it wants to hear changes its rule alone', async () => {
    await world.write();
    world.routes.applied.length = 0;
    await world.write({ eventTypes: ['new_message', 'new_meeting'], orgIds: ['9007199254740993'] });
    expect(world.routes.applied.map(({ kind }) => kind)).toEqual(['put-rule']);
    expect(world.routes.rules.get(name)?.pattern).toContain('"orgId":[9007199254740993]');
  });

  it('of how long deliveries may gather is one of the queue first, which hides them for as long, and then of its mapping', async () => {
    await world.write();
    expect(world.mapping()?.batchingWindowSeconds).toBe(0);
    expect(world.routes.queues.get(name)?.VisibilityTimeout).toBe('540');
    world.routes.applied.length = 0;
    await world.write({ maxBatchingWindowSeconds: 30 });
    expect(world.routes.applied.map(({ kind }) => kind)).toEqual(['set-queue-attributes', 'update-mapping']);
    expect(world.mapping()?.batchingWindowSeconds).toBe(30);
    expect(world.routes.queues.get(name)?.VisibilityTimeout).toBe('570');
  });

  it('to paused stops the deliveries and leaves the rule filling the queue; to active starts them again', async () => {
    await world.write();
    await world.write({ status: 'paused' });
    expect(world.mapping()?.enabled).toBe(false);
    expect(world.routes.rules.get(name)).toMatchObject({ enabled: true, targets: [{ id: 'queue' }] });
    await world.write({ status: 'active' });
    expect(world.mapping()?.enabled).toBe(true);
  });

  it('of its targets by hand, as many as a rule takes, is taken back', async () => {
    await world.write();
    const rule = world.routes.rules.get(name);
    if (rule === undefined) throw new Error('no rule was made');
    const targets = ['1', '2', '3', '4', '5'].map((id) => ({ id, queueArn: 'arn:aws:sqs:eu-central-1:1:theirs' }));
    world.routes.rules.set(name, { ...rule, targets });
    await world.reconcile();
    expect(world.routes.rules.get(name)).toEqual(rule);
    expect(world.state()).toMatchObject({ provisioning: 'ready' });
  });

  it('of the delivery code that somebody made by hand is taken back', async () => {
    await world.write();
    const made = world.routes.functions.get(name);
    if (made === undefined) throw new Error('no function was made');
    world.routes.functions.set(name, { ...made, codeInstalled: 'theirs.zip' });
    await world.reconcile();
    expect(world.routes.functions.get(name)).toEqual(made);
  });

  it('of the delivery code reaches the function', async () => {
    await world.write();
    world.settings = routeSettings({ deliverCode: { bucket: 'assets', key: 'two.zip' } });
    await world.reconcile();
    expect(world.routes.functions.get(name)?.codeInstalled).toBe('two.zip');
    world.routes.applied.length = 0;
    await world.reconcile();
    expect(world.routes.applied).toEqual([]);
  });

  it('by somebody while it is being made is followed too', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.routes.afterAction = ({ kind }) => {
      if (kind === 'create-mapping') world.subscriptions.put(aSubscriptionItem({ status: 'paused' }));
    };
    await world.reconcile();
    expect(world.mapping()?.enabled).toBe(false);
  });

  it('to nothing, while it is being made, leaves nothing', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.routes.afterAction = ({ kind }) => {
      if (kind === 'put-rule') world.subscriptions.configs.clear();
    };
    await world.reconcile();
    expect(world.routes.isEmpty()).toBe(true);
    expect(world.state()).toBeUndefined();
  });
});

describe('a subscription that is deleted', () => {
  it('leaves nothing, its state included, and its rule goes first', async () => {
    await world.write();
    world.routes.applied.length = 0;
    world.subscriptions.configs.clear();
    expect(await world.reconcile()).toEqual({ kind: 'removed' });
    expect(world.routes.isEmpty()).toBe(true);
    expect(world.state()).toBeUndefined();
    expect(world.routes.applied.map(({ kind }) => kind)).toEqual([
      'remove-targets',
      'delete-rule',
      'delete-mapping',
      'delete-function',
      'delete-queue',
      'delete-queue',
    ]);
  });

  it('is not ready, and leaves its successor nothing, where it is written again while its route goes', async () => {
    await world.write();
    world.subscriptions.states.set('sub_1', {
      subscriptionId: 'sub_1',
      provisioning: 'ready',
      disabled: { at: 1, reason: 'gone' },
      acceptedAt: 1,
    });
    world.subscriptions.configs.clear();
    const statesSeen: unknown[] = [];
    world.routes.beforeStep = () => {
      statesSeen.push(world.state());
      world.subscriptions.put(aSubscriptionItem());
    };
    expect(await world.reconcile()).toMatchObject({ kind: 'pending' });
    expect(statesSeen[0]).toBeUndefined();
    expect(world.state()).toMatchObject({ provisioning: 'pending', acceptedAt: world.now });
    expect(world.state()).not.toHaveProperty('disabled');
  });

  it('and written again within a minute waits for SQS, says so, and is made then', async () => {
    await world.write();
    world.subscriptions.configs.clear();
    await world.reconcile();
    world.now += 10_000;
    world.subscriptions.put(aSubscriptionItem());
    expect(await world.reconcile()).toMatchObject({ kind: 'pending', retryAfterSeconds: 60 });
    expect(world.state()).toMatchObject({ provisioning: 'pending', reason: expect.stringContaining('deleted') });
    expect(world.routes.isEmpty()).toBe(true);
    world.now += 60_000;
    await world.reconcile();
    expect(world.state()).not.toHaveProperty('reason');
    expect(world.state()?.provisioning).toBe('ready');
  });
});

describe('two runs that meet', () => {
  const deleted = (of: World) => of.subscriptions.configs.clear();
  const written = (of: World) => of.subscriptions.put(aSubscriptionItem());
  const twists: [string, (of: World) => Promise<void>, (of: World) => void, boolean][] = [
    [
      'a deletion, and the same id made again',
      async (of) => {
        await of.write();
        deleted(of);
      },
      written,
      true,
    ],
    ['a creation, and its deletion', async (of) => written(of), deleted, false],
  ];

  it.each(twists)('%s: at every interleaving the last item says what there is', async (_, begin, twist, exists) => {
    const undisturbed = new World();
    await begin(undisturbed);
    const { length: before } = undisturbed.routes.applied;
    await undisturbed.reconcile();
    const actions = undisturbed.routes.applied.length - before;
    expect(actions).toBeGreaterThan(4);

    for (let at = 1; at <= actions; at++) {
      const met = new World();
      await begin(met);
      let count = 0;
      let other: ReturnType<World['reconcile']> | undefined;
      met.routes.afterAction = () => {
        if (++count !== at) return;
        twist(met);
        other = met.reconcile();
      };
      await met.reconcile();
      expect(await other).toEqual({ kind: 'busy' });
      met.now += 80_000;
      await met.reconcile();
      expect(met.routes.isEmpty()).toBe(!exists);
      expect(met.state()?.provisioning).toBe(exists ? 'ready' : undefined);
      if (exists) expect(met.routes.everything()).toMatchObject({ queues: { [name]: {}, [`${name}-dlq`]: {} } });
    }
  });

  it('of which one was killed: the other begins when nothing of the first can have an effect any more', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.leases.release = async () => {
      throw new Error('the process ended');
    };
    world.crashAfter(3);
    await expect(world.reconcile()).rejects.toThrow('the process ended');
    world.crashAfter(Number.POSITIVE_INFINITY);
    world.now += world.remainingMs + 60_000;
    expect(await world.reconcile()).toEqual({ kind: 'busy' });
    world.now += 15_000;
    expect((await world.reconcile()).kind).toBe('ready');
  });

  it('of which one comes back after its time: it changes nothing any more', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.routes.afterAction = ({ kind }) => {
      if (kind === 'put-rule') world.now += world.remainingMs;
    };
    await expect(world.reconcile()).rejects.toThrow('is over');
    expect(world.routes.applied.at(-1)?.kind).toBe('put-rule');
  });

  it('leave no lease behind', async () => {
    await world.write();
    world.subscriptions.configs.clear();
    await world.reconcile();
    world.now += 80_000;
    await world.reconcile();
    expect(world.leases.leases.size).toBe(0);
  });
});

describe('a queue that somebody deleted', () => {
  it('is made again, and so is the mapping, which would go on reading the old one', async () => {
    await world.write();
    const [former] = world.routes.mappings.keys();
    world.routes.queues.delete(name);
    world.routes.applied.length = 0;
    expect((await world.reconcile()).kind).toBe('ready');
    expect(world.routes.applied.map(({ kind }) => kind)).toEqual(['delete-mapping', 'create-queue', 'create-mapping']);
    expect([...world.routes.mappings.keys()]).not.toContain(former);
  });

  it('is made again, which is kept also where the run ended before it knew', async () => {
    await world.write();
    world.routes.queues.delete(name);
    world.now += day;
    world.routes.afterAction = ({ kind }) => {
      if (kind === 'create-queue') throw new Error('the answer was lost');
    };
    await world.reconcile();
    world.routes.afterAction = () => undefined;
    await world.reconcile();
    expect(world.state()).toMatchObject({ provisioning: 'ready', queueMadeAgainAt: world.now });
  });

  it('is made again, which is kept with its time, as the first one is not', async () => {
    await world.write();
    expect(world.state()).not.toHaveProperty('queueMadeAgainAt');
    world.routes.queues.delete(name);
    world.now += day;
    await world.reconcile();
    expect(world.state()?.queueMadeAgainAt).toBe(101 * day);
    world.now += day;
    world.routes.queues.delete(`${name}-dlq`);
    await world.reconcile();
    expect(world.state()?.queueMadeAgainAt).toBe(101 * day);
  });

  it.each([
    ['is older than the queue', { modifiedAt: 100 * day - 1 }],
    ['says so', { lastResult: 'PROBLEM: The specified queue does not exist.' }],
  ])('and made again by hand is found by its mapping, which %s', async (_, seen) => {
    await world.write();
    world.routes.queues.set(name, { ...world.routes.queues.get(name), CreatedTimestamp: String((100 * day) / 1000) });
    world.routes.applied.length = 0;
    const describe = world.routes.describe.bind(world.routes);
    world.routes.describe = async (names) => {
      const { mappings, ...rest } = await describe(names);
      return { ...rest, mappings: mappings.map((mapping) => ({ ...mapping, ...seen })) };
    };
    await world.reconcile();
    expect(world.routes.applied.map(({ kind }) => kind)).toEqual(['delete-mapping', 'create-mapping']);
  });
});

describe('a difference that an update does not remove', () => {
  const asFoundByAws = () => {
    const describe = world.routes.describe.bind(world.routes);
    world.routes.describe = async (names) => {
      const existing = await describe(names);
      const { deliverFunction } = existing;
      return deliverFunction === undefined
        ? existing
        : { ...existing, deliverFunction: { ...deliverFunction, logGroup: '' } };
    };
  };
  const updates = () => world.routes.applied.filter(({ kind }) => kind === 'update-function-settings').length;

  it('is written three times, then once a day, and people hear of it', async () => {
    await world.write();
    asFoundByAws();
    for (let run = 0; run < 10; run++) {
      world.now += 60 * 60_000;
      expect((await world.reconcile()).kind).toBe('ready');
    }
    expect(updates()).toBe(3);
    expect(world.metrics.valuesOf('DifferencesLeft')).toHaveLength(7);
    world.now += day;
    await world.reconcile();
    expect(updates()).toBe(4);
  });

  it('does not keep back the settings that go with a code, which a run of a former deployment replaced', async () => {
    await world.write();
    asFoundByAws();
    for (let run = 0; run < 4; run++) await world.reconcile();
    const made = world.routes.functions.get(name);
    world.settings = routeSettings({
      deliverCode: { bucket: 'assets', key: 'zero.zip' },
      deliverEnvironment: { OLD: '1' },
    });
    // It is stopped before it says what it did.
    world.routes.afterAction = ({ kind }) => {
      if (kind === 'update-function-settings') throw new Error('the process ended');
    };
    await world.reconcile();
    world.routes.afterAction = () => undefined;
    world.settings = routeSettings();
    await world.reconcile();
    expect(world.routes.functions.get(name)).toEqual(made);
  });

  it('does not keep another change from being written', async () => {
    await world.write();
    asFoundByAws();
    for (let run = 0; run < 4; run++) await world.reconcile();
    world.settings = routeSettings({ deliverLogGroup: 'elsewhere' });
    await world.reconcile();
    expect(updates()).toBe(4);
    expect(world.routes.functions.get(name)?.logGroup).toBe('elsewhere');
  });

  it('is forgotten once it is gone', async () => {
    await world.write();
    world.settings = routeSettings({ deliverLogGroup: 'elsewhere' });
    await world.reconcile();
    expect(world.state()).toHaveProperty('repeatedUpdates');
    await world.reconcile();
    expect(world.state()).not.toHaveProperty('repeatedUpdates');
  });
});

describe('a step of a ramp that Lambda takes later', () => {
  it('leaves the subscription ready', async () => {
    await world.write();
    await world.subscriptions.changeState('sub_1', {
      set: { circuit: { state: 'ramping', since: world.now, probes: 1 } },
    });
    const apply = world.routes.apply.bind(world.routes);
    world.routes.apply = async (action) =>
      action.kind === 'update-mapping' ? { kind: 'later', reason: 'changing', retryAfterSeconds: 15 } : apply(action);
    expect(await world.reconcile()).toMatchObject({
      kind: 'pending',
      retryAfterSeconds: 15,
      route: { delivering: true },
    });
    expect(world.state()?.provisioning).toBe('ready');
  });
});

describe('a rule that was put a moment ago', () => {
  it('may not match yet: until then the subscription is not ready, and says why', async () => {
    world.ruleSettleSeconds = 30;
    await world.write();
    expect(world.state()).toMatchObject({
      provisioning: 'pending',
      reason: 'being put in force, ready within 30 s: EventBridge may take as long to use its new rule',
    });
    expect(world.mapping()?.enabled).toBe(true);
    world.now += 30_000;
    expect((await world.reconcile()).kind).toBe('ready');
  });
});

describe('an item that makes no sense', () => {
  it('is rejected with the field and the reason, and nothing is made for it', async () => {
    await world.write({ url: 'http://10.0.0.1/', eventTypes: [] });
    expect(world.state()?.provisioning).toBe('rejected');
    expect(world.state()?.reason).toMatch(/eventTypes: must have at least 1 entry/);
    expect(world.routes.isEmpty()).toBe(true);
  });

  it('nor does one whose secrets have all expired: it is held, and never ready', async () => {
    await world.write({ secrets: [{ secret: aSecret, expiresAt: world.now + 1 }] });
    expect(world.state()?.provisioning).toBe('ready');
    world.now += 1;
    await world.reconcile();
    expect(world.state()).toMatchObject({
      provisioning: 'rejected',
      reason: expect.stringMatching(/have all expired/),
    });
    expect(world.mapping()?.enabled).toBe(false);
  });

  it('is healed by putting it right', async () => {
    await world.write({ url: 'ftp://example.com' });
    expect(world.state()?.reason).toMatch(/^url: must begin with https/);
    await world.write();
    expect(world.state()).toMatchObject({ provisioning: 'ready' });
    expect(world.state()).not.toHaveProperty('reason');
  });

  it('that once was good is held: its events wait, nothing is delivered, and put right it goes on', async () => {
    await world.write();
    await world.write({ url: 'ftp://example.com' });
    expect(world.state()?.provisioning).toBe('rejected');
    expect(world.mapping()?.enabled).toBe(false);
    expect(world.routes.rules.get(name)?.targets).toHaveLength(1);
    await world.write();
    expect(world.mapping()?.enabled).toBe(true);
  });

  it('that once was good is held with what waits in its queue, also where a part of its route is missing just then', async () => {
    const parts: (() => unknown)[] = [
      () => world.routes.functions.delete(name),
      () => world.routes.mappings.clear(),
      () => world.routes.rules.delete(name),
      () => world.routes.queues.delete(`${name}-dlq`),
    ];
    for (const lose of parts) {
      world = new World();
      await world.write();
      lose();
      await world.write({ url: 'ftp://example.com' });
      expect(world.state()?.provisioning).toBe('rejected');
      expect(world.routes.queues.has(name)).toBe(true);
      expect([...world.routes.mappings.values()].filter(({ enabled }) => enabled)).toEqual([]);
      await world.write();
      expect(world.state()?.provisioning).toBe('ready');
      expect(world.routes.rules.get(name)?.targets).toHaveLength(1);
      expect(world.mapping()?.enabled).toBe(true);
    }
  });

  it('that became wrong half made is taken down', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.crashAfter(5);
    await expect(world.reconcile()).rejects.toThrow();
    expect(world.routes.rules.size).toBe(1);
    world.crashAfter(Number.POSITIVE_INFINITY);
    await world.write({ url: 'ftp://example.com' });
    expect(world.routes.isEmpty()).toBe(true);
  });
});

describe('what belongs to one subscription and not to the next', () => {
  it('a generated secret ends once the config has secrets, and never comes back', async () => {
    const { secrets: _, ...item } = aSubscriptionItem();
    world.subscriptions.put(item as typeof item & { subscriptionId: string });
    await world.reconcile();
    const first = world.state()?.generatedSecrets;
    await world.write();
    expect(world.state()?.generatedSecrets).toBeUndefined();
    world.subscriptions.put(item as typeof item & { subscriptionId: string });
    await world.reconcile();
    expect(world.state()?.generatedSecrets).toHaveLength(1);
    expect(world.state()?.generatedSecrets).not.toEqual(first);
  });

  it('a subscription that takes over an id is a new one, and one that is changed is not', async () => {
    await world.write();
    const first = world.state()?.acceptedAt;
    expect(first).toBe(world.now);
    world.now += day;
    await world.write({ description: 'changed' });
    expect(world.state()?.acceptedAt).toBe(first);
    world.subscriptions.configs.clear();
    await world.reconcile();
    world.now += day;
    await world.write();
    expect(world.state()?.acceptedAt).toBe(world.now);
  });
});

describe('an id that no route can have', () => {
  it.each(['a/b', '#1', '#deployment', 'x'.repeat(41)])(
    'as %s is rejected, nothing is asked of AWS, and nothing is written',
    async (subscriptionId) => {
      world.routes.describe = async () => {
        throw new Error('ValidationException');
      };
      world.subscriptions.put(aSubscriptionItem({ subscriptionId }));
      expect((await world.reconcile(subscriptionId)).kind).toBe('rejected');
      expect([...world.subscriptions.states.keys(), ...world.leases.leases.keys()]).toEqual([]);
      world.subscriptions.configs.clear();
      expect((await world.reconcile(subscriptionId)).kind).toBe('removed');
      expect(world.subscriptions.states.size).toBe(0);
    },
  );

  it("as sub_1-dlq is rejected, and sub_1's dead-letter queue is left alone", async () => {
    await world.write();
    const before = world.routes.everything();
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_1-dlq' }));
    await world.reconcile('sub_1-dlq');
    world.subscriptions.configs.delete('sub_1-dlq');
    await world.reconcile('sub_1-dlq');
    expect(world.routes.everything()).toEqual(before);
  });
});

describe('a quota that is reached', () => {
  it('is a state with a reason and a metric, and ends by itself when there is room', async () => {
    world.routes.maxRules = 0;
    world.subscriptions.put(aSubscriptionItem());
    const result = await world.reconcile();
    expect(result.kind).toBe('pending');
    expect(result).not.toHaveProperty('retryAfterSeconds');
    expect(world.state()).toMatchObject({ provisioning: 'pending', reason: expect.stringContaining('quota') });
    world.routes.maxRules = 1;
    await world.reconcile();
    expect(world.state()?.provisioning).toBe('ready');
  });
});

describe('a change that cannot be put in force', () => {
  const refuse = (kind: string, act: () => never | { kind: 'blocked'; reason: string }) => {
    const apply = world.routes.apply.bind(world.routes);
    world.routes.apply = async (action) => (action.kind === kind ? act() : apply(action));
  };

  it.each([
    ['is blocked', () => ({ kind: 'blocked', reason: 'EventBridge does not take the filter' }) as const],
    [
      'fails',
      () => {
        throw new Error('AccessDenied');
      },
    ],
  ])('and %s leaves the route in use: its mapping follows the circuit all the same', async (_, act) => {
    await world.write();
    refuse('put-rule', act);
    world.subscriptions.put(aSubscriptionItem({ filter: { x: ['y'] } }));
    const circuit = { state: 'ramping', since: world.now, probes: 0 } as const;
    await world.subscriptions.changeState('sub_1', { set: { circuit } });
    expect(await world.reconcile()).toMatchObject({ kind: 'pending', route: { delivering: true, state: { circuit } } });
    expect(world.mapping()?.maximumConcurrency).toBe(2);
    expect(world.state()?.provisioning).toBe('pending');
  });

  it('of a route that is not whole yet has no route to go on with', async () => {
    refuse('put-rule', () => ({ kind: 'blocked', reason: 'the quota' }));
    world.subscriptions.put(aSubscriptionItem());
    expect(await world.reconcile()).toMatchObject({ kind: 'pending', route: undefined });
  });
});

describe('a subscription that was disabled', () => {
  const disabled = { at: 1, reason: 'the endpoint answered 410' };

  it('stays so over reconciles, with its mapping off', async () => {
    await world.write();
    await world.subscriptions.changeState('sub_1', { set: { disabled } });
    await world.reconcile();
    await world.reconcile();
    expect(world.mapping()?.enabled).toBe(false);
    expect(world.state()?.disabled).toEqual(disabled);
  });

  it.each([
    ['url', { url: 'https://elsewhere.example.com/' }],
    ['status', { status: 'paused' }],
  ])('is enabled by a change of its %s', async (_, fields) => {
    await world.write();
    await world.subscriptions.changeState('sub_1', { set: { disabled, failures: 3, lastSuccessAt: 5 } });
    await world.write(fields);
    await world.write({ ...fields, status: 'active' });
    expect(world.state()).not.toHaveProperty('disabled');
    expect(world.state()).not.toHaveProperty('failures');
    expect(world.state()?.lastSuccessAt).toBe(5);
    expect(world.mapping()?.enabled).toBe(true);
  });

  it('is enabled by two changes that lead back to where they began, which only the stream has seen', async () => {
    await world.write();
    await world.subscriptions.changeState('sub_1', { set: { disabled } });
    await world.reconcile('sub_1', disabled.at);
    expect(world.state()).not.toHaveProperty('disabled');
    expect(world.mapping()?.enabled).toBe(true);
  });

  it('after such a change, whose news came late, stays so', async () => {
    await world.write();
    await world.subscriptions.changeState('sub_1', { set: { disabled: { ...disabled, at: 5_000 } } });
    await world.reconcile('sub_1', 4_000);
    expect(world.state()).toHaveProperty('disabled');
  });

  it('is not enabled by a change of anything else', async () => {
    await world.write();
    await world.subscriptions.changeState('sub_1', { set: { disabled } });
    await world.write({ description: 'the CRM' });
    expect(world.state()?.disabled).toEqual(disabled);
  });
});

describe('the end of conversation_status_updated', () => {
  const legacy = { eventTypes: ['conversation_status_updated', 'new_message'] };

  beforeEach(() => {
    world.timeline = aTimeline(100 * day);
  });

  it('lets who had it before it was closed keep it, until it is removed and beyond', async () => {
    await world.write(legacy);
    for (const elapsed of [1, 2, 3]) {
      world.now = (100 + elapsed) * day;
      await world.reconcile();
      expect(world.state()?.provisioning).toBe('ready');
    }
  });

  it('rejects who comes later, and names what to ask for instead', async () => {
    world.now = 101 * day;
    await world.write(legacy);
    expect(world.state()?.provisioning).toBe('rejected');
    expect(world.state()?.reason).toMatch(
      /eventTypes\[0\].*conversation_manual_push, conversation_inactive, conversation_push/,
    );
  });

  it('is no way back for who gave it up', async () => {
    await world.write(legacy);
    world.now = 101 * day;
    await world.write();
    await world.write(legacy);
    expect(world.state()?.provisioning).toBe('rejected');
  });

  it('says so to who asked for nothing else, once it is removed', async () => {
    await world.write({ eventTypes: ['conversation_status_updated'] });
    world.now = 103 * day;
    await world.reconcile();
    expect(world.state()).toMatchObject({
      provisioning: 'rejected',
      reason: expect.stringContaining('was removed on'),
    });
  });
});

describe('a crash', () => {
  const changes: [string, (from: World) => Promise<void> | void][] = [
    ['while a route is made', (crashed) => crashed.subscriptions.put(aSubscriptionItem())],
    [
      'while a route is changed',
      async (crashed) => {
        await crashed.write();
        crashed.settings = routeSettings({ deliverCode: { bucket: 'assets', key: 'two.zip' } });
        crashed.subscriptions.put(aSubscriptionItem({ eventTypes: ['new_meeting'], maxConcurrency: 3 }));
      },
    ],
    [
      'while a route is paused',
      async (crashed) => {
        await crashed.write();
        crashed.subscriptions.put(aSubscriptionItem({ status: 'paused' }));
      },
    ],
    [
      'while a route is removed',
      async (crashed) => {
        await crashed.write();
        crashed.subscriptions.configs.clear();
      },
    ],
    [
      'while a route is held',
      async (crashed) => {
        await crashed.write();
        crashed.subscriptions.put(aSubscriptionItem({ url: 'nonsense' }));
      },
    ],
  ];

  it.each(changes)('%s, after whatever step, is mended by running again', async (_, change) => {
    const undisturbed = new World();
    await change(undisturbed);
    const steps = undisturbed.crashAfter(Number.POSITIVE_INFINITY);
    await undisturbed.reconcile();
    const count = steps();
    expect(count).toBeGreaterThan(1);
    // The next run forgets which updates the one before has done.
    await undisturbed.reconcile();

    for (let crashAfter = 0; crashAfter < count; crashAfter++) {
      const crashed = new World();
      await change(crashed);
      crashed.crashAfter(crashAfter);
      await expect(crashed.reconcile()).rejects.toThrow('the process ended');
      crashed.crashAfter(Number.POSITIVE_INFINITY);
      await crashed.reconcile();
      await crashed.reconcile();
      expect(crashed.routes.everything()).toEqual(undisturbed.routes.everything());
      expect(crashed.subscriptions.states).toEqual(undisturbed.subscriptions.states);
    }
  });

  // A deploy does not end the runs of the deployment before it: one may come after the first of the new one.
  it('of a run of the former deployment, after whatever step, leaves nothing of it to the next run', async () => {
    const [former, latest] = ['one.zip', 'two.zip'].map((key) =>
      routeSettings({ deliverCode: { bucket: 'assets', key }, deliverEnvironment: { RELEASE: key } }),
    ) as [RouteSettings, RouteSettings];
    const deployed = async () => {
      const made = new World();
      made.settings = latest;
      await made.write();
      return made;
    };
    const undisturbed = await deployed();
    const late = await deployed();
    late.settings = former;
    const steps = late.crashAfter(Number.POSITIVE_INFINITY);
    await late.reconcile();
    const count = steps();
    expect(late.routes.functions.get(name)?.codeInstalled).toBe('one.zip');

    for (let crashAfter = 0; crashAfter <= count; crashAfter++) {
      const crashed = await deployed();
      crashed.settings = former;
      crashed.crashAfter(crashAfter);
      await crashed.reconcile().catch(() => undefined);
      crashed.settings = latest;
      crashed.crashAfter(Number.POSITIVE_INFINITY);
      await crashed.reconcile();
      expect(crashed.routes.everything()).toEqual(undisturbed.routes.everything());
    }
  });
});
