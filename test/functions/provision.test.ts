import { beforeEach, describe, expect, it } from 'vitest';
import { InMemoryRoutes } from '../../lab/support/in-memory/route-control-plane.ts';
import { InMemoryLeases } from '../../lab/support/in-memory/route-leases.ts';
import { InMemoryGate, InMemorySubscriptions } from '../../lab/support/in-memory/subscriptions.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { aSubscriptionItem, day, longGoneTimeline, routeSettings } from '../../lab/support/subscriptions.ts';
import type { SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';
import type { DelayedMessage } from '../../lambdas/ports/control-queue.ts';
import { createProvisionHandler } from '../../lambdas/provision/handler.ts';
import type { CustomResourceResponse } from '../../lambdas/provision/ports.ts';

const hour = 60 * 60 * 1000;

class World {
  readonly subscriptions = new InMemorySubscriptions();
  readonly leases = new InMemoryLeases();
  readonly gate = new InMemoryGate();
  readonly routes = new InMemoryRoutes('fanout-test');
  readonly metrics = new RecordedMetrics();
  readonly log = new RecordedLog();
  readonly sent: DelayedMessage[] = [];
  readonly answers: { url: string; response: CustomResourceResponse }[] = [];
  queueIsDown = false;
  dueSweeps = 0;
  slept = 0;
  onSleep: () => unknown = () => undefined;
  onAnswer: () => void = () => undefined;
  onRetryNow: () => void = () => undefined;
  readonly retriedNow: string[] = [];
  hasTimeToRetry = true;
  remainingMs = 300_000;
  now = 100 * day;

  readonly invoke = (event: unknown) =>
    createProvisionHandler({
      subscriptions: this.subscriptions,
      leases: this.leases,
      gate: this.gate,
      routes: this.routes,
      settings: routeSettings(),
      ruleSettleSeconds: 0,
      outboundPolicy: 'public',
      timeline: longGoneTimeline,
      randomBytes: (count) => Buffer.alloc(count, 1),
      controlQueue: {
        send: async (messages) => {
          if (this.queueIsDown) throw new Error('the control queue is down');
          this.sent.push(...messages);
        },
      },
      responder: {
        respond: async (url, response) => {
          this.answers.push({ url, response });
          this.onAnswer();
        },
      },
      dueDeliveries: {
        sweep: async () => void this.dueSweeps++,
        retryNow: async (id) => {
          this.retriedNow.push(id);
          this.onRetryNow();
          return this.hasTimeToRetry;
        },
      },
      sleep: async () => {
        this.slept++;
        await this.onSleep();
      },
      clock: () => this.now,
      metrics: this.metrics,
      log: this.log,
    })(event, { getRemainingTimeInMillis: () => this.remainingMs } as never);

  async make(...ids: string[]): Promise<void> {
    for (const subscriptionId of ids) this.subscriptions.put(aSubscriptionItem({ subscriptionId }));
    await this.invoke(changesOf(...ids));
  }

  /** What is on the control queue, received. */
  async deliverSent(): Promise<void> {
    const messages = this.sent.splice(0);
    await this.invoke(messagesOf(...messages.map(({ message }) => message)));
  }

  async setState(state: Partial<SubscriptionState>): Promise<void> {
    await this.subscriptions.changeState('sub_1', { set: state });
  }

  mapping() {
    return [...this.routes.mappings.values()][0];
  }
}

const changesOf = (...ids: string[]) => ({
  Records: ids.map((id, index) => ({
    eventSource: 'aws:dynamodb',
    eventName: 'MODIFY',
    dynamodb: { SequenceNumber: String(index + 1), Keys: { subscriptionId: { S: id }, record: { S: 'config' } } },
  })),
});

const messagesOf = (...bodies: unknown[]) => ({
  Records: bodies.map((body, index) => ({
    eventSource: 'aws:sqs',
    messageId: `message-${index}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })),
});

const deploymentOf = (RequestType: 'Create' | 'Update' | 'Delete') => ({
  RequestType,
  ResponseURL: 'https://cloudformation.example.com/answer',
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'Routes',
  ResourceType: 'Custom::Routes',
});

let world: World;
beforeEach(() => {
  world = new World();
});

describe('changes of the table', () => {
  it('make a route for each subscription, once however often it is named', async () => {
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_1' }));
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_2' }));
    expect(await world.invoke(changesOf('sub_1', 'sub_2', 'sub_1'))).toEqual({ batchItemFailures: [] });
    expect(world.routes.rules.size).toBe(2);
    expect(world.routes.applied.filter(({ kind }) => kind === 'put-rule')).toHaveLength(2);
  });

  it('of one subscription that fails hold up no other: it is tried again through the control queue, later each time', async () => {
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_1' }));
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_2' }));
    world.routes.beforeAction = (action) => {
      if ('name' in action && action.name.includes('sub_1')) throw new Error('AccessDenied');
    };
    expect(await world.invoke(changesOf('sub_1', 'sub_2'))).toEqual({ batchItemFailures: [] });
    expect(world.subscriptions.states.get('sub_2')?.provisioning).toBe('ready');
    expect(world.metrics.valuesOf('RoutesFailed')).toEqual([1]);
    const delays = [world.sent[0]?.delaySeconds];
    for (let attempt = 0; attempt < 10 && world.sent.length > 0; attempt++) {
      await world.deliverSent();
      if (world.sent.length > 0) delays.push(world.sent[0]?.delaySeconds);
    }
    expect(delays).toEqual([15, 30, 60, 120, 240, 480, 900]);
    expect(world.subscriptions.states.get('sub_1')).toMatchObject({
      provisioning: 'pending',
      reason: expect.stringContaining('AccessDenied'),
    });
  });

  it('of url or status enable a disabled subscription, however fast two of them come', async () => {
    await world.make('sub_1');
    await world.setState({ disabled: { at: world.now, reason: 'gone (410)' } });
    const [change] = changesOf('sub_1').Records;
    const record = (before: string, after: string) => ({
      ...change,
      dynamodb: {
        ...change?.dynamodb,
        ApproximateCreationDateTime: world.now / 1000,
        OldImage: { url: { S: 'https://hooks.example.com/' }, status: { S: before } },
        NewImage: { url: { S: 'https://hooks.example.com/' }, status: { S: after } },
      },
    });
    await world.invoke({ Records: [record('paused', 'paused')] });
    expect(world.subscriptions.states.get('sub_1')).toHaveProperty('disabled');
    await world.invoke({ Records: [record('active', 'paused'), record('paused', 'active')] });
    expect(world.subscriptions.states.get('sub_1')).not.toHaveProperty('disabled');
    expect(world.mapping()?.enabled).toBe(true);
  });

  it('come again, from the first on, when not even the control queue takes them', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.routes.beforeStep = () => {
      throw new Error('AccessDenied');
    };
    world.queueIsDown = true;
    expect(await world.invoke(changesOf('sub_9', 'sub_1'))).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  });

  it('that arrive with little time left are handed on', async () => {
    // Two minutes are what one route may take where Lambda is slow, and its end needs some too.
    world.remainingMs = 149_000;
    await world.make('sub_1');
    expect(world.routes.isEmpty()).toBe(true);
    expect(world.sent).toEqual([{ message: { subscriptionId: 'sub_1', action: 'reconcile' }, delaySeconds: 0 }]);
  });

  it('that have to wait for AWS come again when it is time, and do not count as failed', async () => {
    world.routes.recentlyDeleted.add('fanout-test-sub_1');
    await world.make('sub_1');
    expect(world.sent).toMatchObject([{ message: { subscriptionId: 'sub_1', attempt: 1 }, delaySeconds: 60 }]);
    expect(world.subscriptions.states.get('sub_1')?.provisioning).toBe('pending');
    expect(world.metrics.valuesOf('RoutesFailed')).toEqual([]);
    // One that waits past every attempt is a fault.
    while (world.sent.length > 0) await world.deliverSent();
    expect(world.metrics.valuesOf('RoutesFailed')).toEqual([1]);
  });

  it('beyond a quota are not tried again and again', async () => {
    world.routes.maxRules = 0;
    await world.make('sub_1');
    expect(world.sent).toEqual([]);
    expect(world.metrics.valuesOf('RoutesFailed')).toEqual([1]);
  });
});

describe('the minute’s run', () => {
  it('looks after what is due in the ledger, and at no route', async () => {
    await world.invoke({ action: 'sweep-due' });
    expect(world.dueSweeps).toBe(1);
    expect(world.routes.applied).toEqual([]);
  });
});

describe('an endpoint that is given another chance', () => {
  const resumed = (resumedAt: string) => aSubscriptionItem({ subscriptionId: 'sub_1', resumedAt });

  it('has whatever the system decided lifted, and what waits in the ledger tried at once', async () => {
    await world.make('sub_1');
    const throttledUntil = world.now + 20 * hour;
    await world.subscriptions.changeState('sub_1', { set: { throttledUntil, failures: 3 } });
    world.subscriptions.put(resumed('2026-11-27T00:00:00Z'));
    await world.invoke(changesOf('sub_1'));
    expect(world.retriedNow).toEqual(['sub_1']);
    const state = world.subscriptions.states.get('sub_1');
    for (const name of ['throttledUntil', 'failures', 'retryNowSince']) expect(state).not.toHaveProperty(name);
    await world.invoke(changesOf('sub_1'));
    expect(world.retriedNow).toHaveLength(1);
  });

  it('is gone on with by the next run where there are more retries than one has time for', async () => {
    await world.make('sub_1');
    world.hasTimeToRetry = false;
    world.subscriptions.put(resumed('2026-11-27T00:00:00Z'));
    await world.invoke(changesOf('sub_1'));
    world.hasTimeToRetry = true;
    await world.deliverSent();
    expect(world.retriedNow).toEqual(['sub_1', 'sub_1']);
    expect(world.subscriptions.states.get('sub_1')).not.toHaveProperty('retryNowSince');
  });

  it('twice, the second time while the first is followed, has them tried for both, also where the second ends before it is done', async () => {
    await world.make('sub_1');
    world.subscriptions.put(resumed('2026-11-27T00:00:00Z'));
    const later = world.now + 60_000;
    world.onRetryNow = () => void world.setState({ retryNowSince: later });
    await world.invoke(changesOf('sub_1'));
    expect(world.subscriptions.states.get('sub_1')).toMatchObject({ retryNowSince: later });
  });

  it('has them tried when it is resumed, not when it is paused', async () => {
    await world.make('sub_1');
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_1', status: 'paused' }));
    await world.invoke(changesOf('sub_1'));
    expect(world.retriedNow).toEqual([]);
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_1' }));
    await world.invoke(changesOf('sub_1'));
    expect(world.retriedNow).toEqual(['sub_1']);
  });
});

describe('a park that ended for lack of time', () => {
  it('is begun again at once, as long as deliveries are stopped', async () => {
    await world.make('sub_1');
    const config = aSubscriptionItem({ subscriptionId: 'sub_1' });
    world.subscriptions.put({ ...config, status: 'paused' });
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'park' }));
    expect(world.routes.invoked).toEqual([{ functionName: 'fanout-test-sub_1', payload: { park: true } }]);
    world.subscriptions.put(config);
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'park' }));
    expect(world.routes.invoked).toHaveLength(1);
  });
});

describe('a subscription that is deleted', () => {
  it('makes room for one that waits for the quota', async () => {
    world.routes.maxRules = 1;
    await world.make('sub_1', 'sub_2');
    expect(world.subscriptions.states.get('sub_2')?.provisioning).toBe('pending');
    world.subscriptions.putConfig('sub_1', undefined);
    await world.invoke(changesOf('sub_1'));
    await world.deliverSent();
    expect(world.subscriptions.states.get('sub_2')?.provisioning).toBe('ready');
  });
});

describe('the hourly run', () => {
  it('makes what is missing and removes what is orphaned, whichever part is left of it', async () => {
    await world.make('sub_1', 'sub_2', 'sub_3', 'sub_4');
    world.routes.functions.delete('fanout-test-sub_1');
    world.routes.rules.clear();
    for (const id of ['sub_2', 'sub_3', 'sub_4']) world.subscriptions.configs.delete(id);
    world.subscriptions.states.delete('sub_2');
    world.routes.functions.delete('fanout-test-sub_3');
    world.routes.queues.delete('fanout-test-sub_4');
    world.routes.queues.delete('fanout-test-sub_4-dlq');
    world.routes.functions.delete('fanout-test-sub_4');

    await world.invoke({ action: 'reconcile-all' });
    await world.deliverSent();
    expect([...world.routes.rules.keys()]).toEqual(['fanout-test-sub_1']);
    expect([...world.routes.queues.keys()].sort()).toEqual(['fanout-test-sub_1', 'fanout-test-sub_1-dlq']);
    expect([...world.routes.functions.keys()]).toEqual(['fanout-test-sub_1']);
    expect(world.routes.mappings.size).toBe(1);
    expect([...world.subscriptions.states.keys()]).toEqual(['sub_1']);
  });

  it('spreads hundreds of routes over time', async () => {
    for (let index = 0; index < 300; index++) {
      world.subscriptions.put(aSubscriptionItem({ subscriptionId: `sub_${index}` }));
    }
    await world.invoke({ action: 'reconcile-all' });
    expect(world.sent).toHaveLength(300);
    expect(Math.max(...world.sent.map(({ delaySeconds }) => delaySeconds))).toBe(149);
  });

  it('says how old a change is that the stream has not brought', async () => {
    await world.make('sub_1');
    const updatedAt = new Date(world.now - 20 * 60_000).toISOString();
    world.subscriptions.put(aSubscriptionItem({ updatedAt }));
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'reconcile', hourly: true }));
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'reconcile', hourly: true }));
    expect(world.metrics.valuesOf('OldestUnfollowedChange')).toEqual([20 * 60_000]);
  });

  it('warns where subscribers together may take more concurrency than there is', async () => {
    await world.make('sub_1', 'sub_2');
    world.routes.concurrency = 20;
    await world.invoke({ action: 'reconcile-all' });
    expect(world.log.lines).not.toContainEqual(expect.objectContaining({ level: 'warn' }));
    world.routes.concurrency = 19;
    await world.invoke({ action: 'reconcile-all' });
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: { claimed: 20, available: 19 } }),
    );
  });

  it('looks at every route whatever somebody has written for a concurrency or a time', async () => {
    await world.make('sub_1');
    const huge = JSON.rawJSON('12345678901234567890123');
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'huge', maxConcurrency: huge, updatedAt: huge }));
    await world.invoke({ action: 'reconcile-all' });
    await world.deliverSent();
    expect(world.subscriptions.states.get('huge')).toMatchObject({ provisioning: 'rejected' });
    expect(world.sent).toEqual([]);
  });

  it('has what is about to expire in a queue that nobody reads written down; a change alone does not', async () => {
    await world.make('sub_1');
    world.subscriptions.put(aSubscriptionItem({ status: 'paused' }));
    await world.invoke(changesOf('sub_1'));
    expect(world.routes.invoked).toEqual([]);
    await world.invoke({ action: 'reconcile-all' });
    await world.deliverSent();
    expect(world.routes.invoked).toEqual([{ functionName: 'fanout-test-sub_1', payload: { park: true } }]);
  });

  it('does the same for a route that is held because its item makes no sense any more', async () => {
    await world.make('sub_1');
    world.subscriptions.put(aSubscriptionItem({ url: 'ftp://x' }));
    world.subscriptions.put(aSubscriptionItem({ subscriptionId: 'sub_2', url: 'ftp://x' }));
    await world.invoke({ action: 'reconcile-all' });
    await world.deliverSent();
    expect(world.routes.invoked).toEqual([{ functionName: 'fanout-test-sub_1', payload: { park: true } }]);
  });

  it('finds a probe whose message was lost', async () => {
    await world.make('sub_1');
    const probeAt = world.now - hour;
    await world.setState({ circuit: { state: 'open', reason: 'failing', since: 0, probeAt, probes: 1 } });
    await world.invoke({ action: 'reconcile-all' });
    await world.deliverSent();
    expect(world.sent).toEqual([
      { message: { subscriptionId: 'sub_1', action: 'probe', dueAt: probeAt }, delaySeconds: 0 },
    ]);
  });
});

it('a deleted subscription whose two records are put back, its state first, keeps the secret that was made for it', async () => {
  const { secrets: _, ...item } = aSubscriptionItem();
  world.subscriptions.put(item);
  await world.invoke(changesOf('sub_1'));
  const state = world.subscriptions.states.get('sub_1');
  expect(state?.generatedSecrets).toHaveLength(1);
  world.subscriptions.configs.delete('sub_1');
  await world.invoke(changesOf('sub_1'));
  expect(world.subscriptions.states.has('sub_1')).toBe(false);

  // SQS gives out the queue's name again after a minute.
  world.now += hour;
  const secretBefore = { generatedSecrets: [{ secret: 'whsec_before' }] };
  world.subscriptions.states.set('sub_1', {
    subscriptionId: 'sub_1',
    provisioning: 'ready',
    ...state,
    ...secretBefore,
  });
  world.subscriptions.put(item);
  await world.invoke(changesOf('sub_1'));
  expect(world.subscriptions.states.get('sub_1')).toMatchObject({ provisioning: 'ready', ...secretBefore });
  expect(world.mapping()?.enabled).toBe(true);
});

describe('a look at all queues', () => {
  const look = async () => {
    await world.invoke({ action: 'watch-routes' });
    return world.metrics.valuesOf('RoutesNotRead').at(-1);
  };
  const depth = { waiting: 0, inFlight: 0, deadLetters: 0 };

  it('counts dead letters, and names whose they are', async () => {
    await world.make('sub_1', 'sub_2');
    world.routes.depthsById.set('sub_1', { ...depth, deadLetters: 3 });
    await look();
    expect(world.metrics.valuesOf('DeadLetters')).toEqual([3]);
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ message: 'dead letters', fields: { subscriptionId: 'sub_1', deadLetters: 3 } }),
    );
  });

  it('sees events that wait while nothing reads them, and names the subscriber', async () => {
    await world.make('sub_1', 'sub_2');
    world.routes.depthsById.set('sub_1', { ...depth, waiting: 7 });
    world.routes.depthsById.set('sub_2', { ...depth, waiting: 7, inFlight: 1 });
    expect(await look()).toBe(1);
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({
        message: 'events wait and nothing reads them',
        fields: { subscriptionId: 'sub_1', waiting: 7 },
      }),
    );
  });

  it('asks for no queue of an item that cannot have one, whose name SQS may refuse', async () => {
    await world.make('sub_1');
    for (const subscriptionId of ['a/b', 'x'.repeat(100), 'sub_1-dlq']) {
      world.subscriptions.put(aSubscriptionItem({ subscriptionId }));
    }
    world.routes.depths = async (ids) => {
      expect(ids).toEqual(['sub_1']);
      return [{ ...depth, waiting: 7 }];
    };
    expect(await look()).toBe(1);
  });

  it('finds nothing wrong where a person or the system has stopped the deliveries', async () => {
    await world.make('sub_1');
    world.routes.depthsById.set('sub_1', { ...depth, waiting: 7 });
    expect(await look()).toBe(1);
    world.subscriptions.put(aSubscriptionItem({ status: 'paused' }));
    expect(await look()).toBe(0);
    world.subscriptions.put(aSubscriptionItem());
    await world.setState({ disabled: { at: world.now, reason: 'the receiver is gone (status 410)' } });
    expect(await look()).toBe(0);
  });
});

describe('control messages', () => {
  const open = { state: 'open', reason: 'failing', since: 0, probes: 0 } as const;

  it('that a circuit is open stop the deliveries and arrange for a probe', async () => {
    await world.make('sub_1');
    const probeAt = world.now + 30_000;
    await world.setState({ circuit: { ...open, probeAt } });
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'open-circuit' }));
    expect(world.mapping()?.enabled).toBe(false);
    expect(world.sent).toEqual([
      { message: { subscriptionId: 'sub_1', action: 'probe', dueAt: probeAt }, delaySeconds: 30 },
    ]);
  });

  it('that a probe is due invoke the delivery function', async () => {
    await world.make('sub_1');
    await world.setState({ circuit: { ...open, probeAt: world.now } });
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'probe', dueAt: world.now }));
    expect(world.routes.invoked).toEqual([{ functionName: 'fanout-test-sub_1', payload: { probe: true } }]);
  });

  it('that the endpoint has recovered start the deliveries slowly, and faster minute by minute', async () => {
    await world.make('sub_1');
    await world.setState({ circuit: { state: 'ramping', since: world.now, probes: 1 } });
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'recovered' }));
    expect(world.mapping()).toMatchObject({ enabled: true, maximumConcurrency: 2 });
    world.now += 60_000;
    await world.deliverSent();
    expect(world.mapping()?.maximumConcurrency).toBe(4);
    world.now += 600_000;
    await world.deliverSent();
    expect(world.mapping()?.maximumConcurrency).toBe(10);
    expect(world.sent).toEqual([]);
  });

  it('go on while a change of the route is blocked: probes come, what waits is parked, and a lost probe is found', async () => {
    await world.make('sub_1');
    const apply = world.routes.apply.bind(world.routes);
    world.routes.apply = async (action) =>
      action.kind === 'put-rule' ? { kind: 'blocked', reason: 'EventBridge does not take the filter' } : apply(action);
    world.subscriptions.put(aSubscriptionItem({ filter: { x: ['y'] } }));
    const probeAt = world.now - hour;
    await world.setState({ circuit: { ...open, probeAt } });
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'probe', dueAt: probeAt }));
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'reconcile', hourly: true }));
    expect(world.routes.invoked.map(({ payload }) => payload)).toEqual([{ probe: true }, { park: true }]);
    expect(world.sent).toMatchObject([{ message: { action: 'probe', dueAt: probeAt } }]);
  });

  it('that nobody knows are left for the dead-letter queue, and the others are carried out', async () => {
    await world.make('sub_1');
    world.subscriptions.configs.clear();
    const unknown = ['{', '{"action":"explode","subscriptionId":"sub_1"}', '{"subscriptionId":"","action":"ramp"}'];
    const response = await world.invoke(messagesOf(...unknown, { subscriptionId: 'sub_1', action: 'reconcile' }));
    expect(response).toEqual({
      batchItemFailures: ['message-0', 'message-1', 'message-2'].map((itemIdentifier) => ({ itemIdentifier })),
    });
    expect(world.routes.isEmpty()).toBe(true);
  });
});

describe('what finds another run at work', () => {
  it('comes again whole, later each time, until it has its turn', async () => {
    await world.make('sub_1');
    const dueAt = world.now;
    await world.setState({ circuit: { state: 'open', reason: 'failing', since: 0, probes: 0, probeAt: dueAt } });
    await world.leases.take('sub_1', { holder: 'another', now: world.now, until: world.now + hour });
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'probe', dueAt }));
    const delays: (number | undefined)[] = [];
    for (let turn = 0; turn < 9; turn++) {
      delays.push(world.sent[0]?.delaySeconds);
      await world.deliverSent();
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 160, 160, 160, 160]);
    expect(world.routes.invoked).toEqual([]);
    await world.leases.release('sub_1', 'another', {});
    await world.deliverSent();
    expect(world.routes.invoked).toMatchObject([{ payload: { probe: true } }]);
  });
});

describe('the deployment', () => {
  it('looks at every route in the background and answers at once', async () => {
    await world.make('sub_1');
    await world.invoke(deploymentOf('Update'));
    expect(world.sent).toHaveLength(1);
    expect(world.answers).toEqual([
      {
        url: 'https://cloudformation.example.com/answer',
        response: {
          Status: 'SUCCESS',
          PhysicalResourceId: 'fanout-test-routes',
          StackId: 'stack',
          RequestId: 'request',
          LogicalResourceId: 'Routes',
        },
      },
    ]);
  });

  it('does not fail because the concurrency that the account has is not known', async () => {
    await world.make('sub_1');
    world.routes.unreservedConcurrency = () => Promise.reject(new Error('TooManyRequestsException'));
    await world.invoke(deploymentOf('Update'));
    expect(world.sent).toHaveLength(1);
    expect(world.answers[0]?.response.Status).toBe('SUCCESS');
  });

  it('that is deleted leaves nothing behind, and answers when all is gone', async () => {
    await world.make('sub_1', 'sub_2', 'sub_3');
    await world.invoke(deploymentOf('Delete'));
    expect(world.routes.isEmpty()).toBe(true);
    expect(world.answers[0]?.response.Status).toBe('SUCCESS');
    expect(world.subscriptions.configs.size).toBe(3);
  });

  it('that is being deleted makes nothing any more, whoever asks', async () => {
    await world.make('sub_1');
    await world.invoke(deploymentOf('Delete'));
    await world.make('sub_1', 'sub_2');
    await world.invoke(messagesOf({ subscriptionId: 'sub_1', action: 'reconcile' }));
    expect(world.routes.isEmpty()).toBe(true);
  });

  it('that is deleted while a route is made has that route deleted too', async () => {
    world.subscriptions.put(aSubscriptionItem());
    world.routes.afterAction = ({ kind }) => {
      if (kind === 'put-rule') void world.gate.close({ request: deploymentOf('Delete'), startedAt: world.now });
    };
    await world.invoke(changesOf('sub_1'));
    expect(world.routes.isEmpty()).toBe(true);
  });

  it('that comes back makes all routes again', async () => {
    await world.make('sub_1');
    await world.invoke(deploymentOf('Delete'));
    await world.invoke(deploymentOf('Create'));
    await world.deliverSent();
    expect(world.sent).toMatchObject([{ delaySeconds: 70 }]);
    world.now += 70_000;
    await world.deliverSent();
    expect(world.routes.rules.size).toBe(1);
  });

  it('whose deletion takes longer than one invocation carries on in the next, and answers once', async () => {
    await world.make('sub_1', 'sub_2');
    world.remainingMs = 10_000;
    await world.invoke(deploymentOf('Delete'));
    expect(world.answers).toEqual([]);
    expect(world.sent).toMatchObject([{ message: { action: 'tear-down' }, delaySeconds: 0 }]);
    world.remainingMs = 300_000;
    await world.deliverSent();
    expect(world.routes.isEmpty()).toBe(true);
    expect(world.answers).toHaveLength(1);
  });

  it('does not wait for what is somebody else’s, nor for a queue that SQS still lists', async () => {
    await world.make('sub_1');
    world.routes.queues.set(`fanout-test-${'x'.repeat(41)}`, {});
    const list = world.routes.subscriptionIds.bind(world.routes);
    world.routes.subscriptionIds = async function* () {
      yield* list();
      yield ['sub_1'];
    };
    await world.invoke(deploymentOf('Delete'));
    expect(world.answers[0]?.response.Status).toBe('SUCCESS');
  });

  it('is not deleted by a message that anybody may send to the control queue, nor is a stranger answered', async () => {
    await world.make('sub_1');
    const request = { ...deploymentOf('Delete'), ResponseURL: 'https://attacker.example/' };
    for (const message of [{ action: 'tear-down' }, { action: 'tear-down', request, startedAt: world.now }]) {
      await world.invoke({ Records: [{ eventSource: 'aws:sqs', messageId: 'm', body: JSON.stringify(message) }] });
    }
    expect(world.routes.rules.size).toBe(1);
    expect(world.answers).toEqual([]);
    // While it is deleted, such a message is only a step more of what goes on anyway.
    await world.invoke(deploymentOf('Delete'));
    await world.invoke({
      Records: [{ eventSource: 'aws:sqs', messageId: 'm', body: JSON.stringify({ action: 'tear-down', request }) }],
    });
    expect(world.answers.map(({ url }) => url)).not.toContain('https://attacker.example/');
  });

  it('waits for another run’s end, and pauses between its looks', async () => {
    await world.make('sub_1');
    await world.leases.take('sub_1', { holder: 'another', now: world.now, until: world.now + hour });
    world.onSleep = () => {
      if (world.slept >= 3) void world.leases.release('sub_1', 'another', {});
    };
    await world.invoke(deploymentOf('Delete'));
    expect(world.slept).toBe(3);
    expect(world.answers[0]?.response.Status).toBe('SUCCESS');
  });

  it('waits for the end of a run that found it open and has made nothing yet', async () => {
    world.subscriptions.put(aSubscriptionItem());
    let deletion: Promise<unknown> | undefined;
    const { describe } = world.routes;
    world.routes.describe = async (names) => {
      world.routes.describe = describe;
      const found = await world.routes.describe(names);
      deletion = world.invoke(deploymentOf('Delete'));
      await new Promise(setImmediate);
      return found;
    };
    world.onSleep = () => new Promise(setImmediate);
    let wasEmpty: boolean | undefined;
    world.onAnswer = () => {
      wasEmpty = world.routes.isEmpty() && world.leases.leases.get('sub_1')?.holder === undefined;
    };
    await world.invoke(changesOf('sub_1'));
    await deletion;
    expect(world.answers[0]?.response.Status).toBe('SUCCESS');
    expect(wasEmpty).toBe(true);
    expect(world.routes.isEmpty()).toBe(true);
  });

  it('is tried again in half a minute where a list of everything fails, and hears of it before its hour is over', async () => {
    await world.make('sub_1');
    world.routes.subscriptionIds = async function* () {
      yield await Promise.reject(new Error('TooManyRequests'));
    };
    await world.invoke(deploymentOf('Delete'));
    expect(world.sent).toMatchObject([{ message: { action: 'tear-down' }, delaySeconds: 30 }]);
    world.now += 56 * 60_000;
    await world.deliverSent();
    expect(world.answers[0]?.response).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('TooMany') });
  });

  it('hears of a failure, instead of waiting an hour for an answer', async () => {
    await world.make('sub_1');
    world.routes.afterAction = () => {
      throw new Error('AccessDenied: lambda:DeleteFunction');
    };
    await world.invoke(deploymentOf('Delete'));
    expect(world.answers[0]?.response).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('AccessDenied'),
    });
  });
});

it('refuses an event that nothing of the deployment sends', async () => {
  await expect(world.invoke({ hello: 'world' })).rejects.toThrow('not a trigger');
});
