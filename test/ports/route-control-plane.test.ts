import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InMemoryRoutes } from '../../lab/support/in-memory/route-control-plane.ts';
import { routeSettings } from '../../lab/support/subscriptions.ts';
import { awsRouteControlPlane } from '../../lambdas/aws/aws-route-control-plane.ts';
import { type DesiredRoute, descriptionOfChange, desiredRoute } from '../../lambdas/domain/routes/desired-route.ts';
import { planRemoval, planRoute, type RouteAction } from '../../lambdas/domain/routes/route-plan.ts';
import type { SubscriptionConfig } from '../../lambdas/domain/subscriptions/subscription.ts';
import type { RouteControlPlane } from '../../lambdas/provision/ports.ts';
import { functionCode, removeFunctionCode } from '../local/aws/runtime/function-code.ts';
import { accountId, type LocalAws, region, startLocalAws } from '../local/aws/wire/local-aws.ts';

let aws: LocalAws;
let settings = routeSettings();
beforeAll(async () => {
  aws = await startLocalAws({
    code: {
      'assets/one.zip': functionCode('export const handler = async () => ({});'),
      'assets/theirs.zip': functionCode('export const handler = async () => ({ by: "hand" });'),
    },
  });
  aws.buses.createBus('fanout-bus');
  settings = routeSettings({
    region,
    accountId,
    queueUrlBase: `${aws.url}/${accountId}/`,
    deliverRoleArn: `arn:aws:iam::${accountId}:role/deliver`,
  });
});
afterAll(async () => {
  await aws.stop();
  removeFunctionCode();
});

const onLocalAws = (): RouteControlPlane =>
  awsRouteControlPlane({
    eventBridge: aws.events,
    sqs: aws.sqs,
    lambda: aws.lambda,
    settings,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50))),
  });

describe.each<[string, () => RouteControlPlane]>([
  ['AWS', onLocalAws],
  ['memory', () => new InMemoryRoutes('fanout-test')],
])('a route on %s', (_, make) => {
  let routes: RouteControlPlane;
  let desired: DesiredRoute;
  let count = 0;
  beforeEach(() => {
    count++;
    routes = make();
    desired = wanted();
  });
  // A queue cannot be made again within a minute of its deletion: each case has a subscription of its own.
  const wanted = (fields: Partial<SubscriptionConfig> = {}, isEnabled = true, maximumConcurrency = 10) =>
    desiredRoute(
      {
        subscriptionId: `sub_${count}`,
        url: 'https://hooks.example.com/',
        eventTypes: ['new_message'],
        status: 'active',
        ...fields,
      },
      { enabled: isEnabled, maximumConcurrency },
      settings,
    );
  afterEach(() => carryOut(async () => planRemoval(desired.names, await routes.describe(desired.names))));

  /** As provision does, until nothing is left to do. */
  async function carryOut(plan: () => Promise<RouteAction[]>): Promise<void> {
    for (let round = 0; round < 20; round++) {
      const actions = await plan();
      if (actions.length === 0) return;
      for (const action of actions) {
        const outcome = await routes.apply(action);
        if (outcome.kind === 'blocked') throw new Error(outcome.reason);
        if (outcome.kind === 'later') break;
      }
    }
    throw new Error('there is always something left to do');
  }
  const bring = (route: DesiredRoute) => carryOut(async () => planRoute(route, await routes.describe(route.names)));
  async function owners(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const page of routes.subscriptionIds()) for (const id of page) ids.add(id);
    return ids;
  }

  it('is made of nothing, and is then as it was wanted', async () => {
    expect(await routes.describe(desired.names)).toEqual({ mappings: [] });
    await bring(desired);
    const made = await routes.describe(desired.names);
    expect(made.rule).toMatchObject({ enabled: true, targets: [{ id: 'queue' }] });
    expect(made.queue).toMatchObject(desired.queue);
    expect(made.deliverFunction).toMatchObject({
      timeoutSeconds: desired.deliverFunction.timeoutSeconds,
      failed: false,
    });
    expect(made.mappings).toMatchObject([{ enabled: true, maximumConcurrency: 10 }]);
  });

  it('follows a change of what is asked for, and a pause', async () => {
    await bring(desired);
    await bring(wanted({ eventTypes: ['phone_captured'] }, false));
    const made = await routes.describe(desired.names);
    expect(made.rule?.pattern).toContain('phone_captured');
    expect(made.mappings).toMatchObject([{ enabled: false }]);
  });

  it('is bounded and unbounded, and is then as it was wanted each time', async () => {
    for (const maximumConcurrency of [1000, 10, 1000]) {
      await bring(wanted({}, true, maximumConcurrency));
      expect((await routes.describe(desired.names)).mappings).toMatchObject([{ maximumConcurrency }]);
    }
  });

  it('has a function whose description alone is changed, and is then as it was wanted', async () => {
    await bring(desired);
    const before = (await routes.describe(desired.names)).deliverFunction;
    const description = descriptionOfChange(desired.names);
    const change: RouteAction = {
      kind: 'update-function-description',
      name: desired.names.deliverFunction,
      description,
    };
    expect(await routes.apply(change)).toEqual({ kind: 'done' });
    expect((await routes.describe(desired.names)).deliverFunction).toEqual({ ...before, description });
    await bring(desired);
    expect((await routes.describe(desired.names)).deliverFunction).toEqual(before);
  });

  it('whose function somebody has uploaded other code to gets its own again', async () => {
    await bring(desired);
    const before = (await routes.describe(desired.names)).deliverFunction;
    const theirs = { ...desired.deliverFunction, code: { bucket: 'assets', key: 'theirs.zip' } };
    await routes.apply({ kind: 'update-function-code', name: desired.names.deliverFunction, settings: theirs });
    const found = await routes.describe(desired.names);
    expect(found.deliverFunction?.description).toBe('');
    expect(planRoute(desired, found)).toContainEqual({
      kind: 'update-function-code',
      name: desired.names.deliverFunction,
      settings: desired.deliverFunction,
    });
    await bring(desired);
    expect((await routes.describe(desired.names)).deliverFunction).toEqual(before);
  });

  it('is made by doing each action twice, and its function may be part of a loop', async () => {
    for (const action of planRoute(desired, { mappings: [] })) {
      expect(await routes.apply(action)).toEqual({ kind: 'done' });
      expect((await routes.apply(action)).kind).not.toBe('blocked');
    }
    const made = await routes.describe(desired.names);
    expect(made.mappings).toHaveLength(1);
    expect(made.deliverFunction).toMatchObject({ recursiveLoop: 'Allow' });
  });

  it('is known by its subscription as long as anything of it is there, and then gone', async () => {
    await bring(desired);
    expect(await owners()).toContain(`sub_${count}`);
    await carryOut(async () => planRemoval(desired.names, await routes.describe(desired.names)));
    expect(await routes.describe(desired.names)).toEqual({ mappings: [] });
    expect(await owners()).not.toContain(`sub_${count}`);
  });

  it('that is gone already is removed, and its function cannot be invoked', async () => {
    await bring(desired);
    const actions = planRemoval(desired.names, await routes.describe(desired.names));
    await carryOut(async () => planRemoval(desired.names, await routes.describe(desired.names)));
    for (const action of actions) expect((await routes.apply(action)).kind).toBe('done');
    await expect(routes.invoke(desired.names.deliverFunction, { probe: true })).rejects.toThrow();
  });

  it('has its function invoked for a probe, and nothing in its queues', async () => {
    await bring(desired);
    await routes.invoke(desired.names.deliverFunction, { probe: true });
    const nothing = { waiting: 0, inFlight: 0, deadLetters: 0 };
    expect(await routes.depths([`sub_${count}`, 'sub_none'])).toEqual([nothing, nothing]);
  });
});
