import { afterAll, beforeAll, expect, it } from 'vitest';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { driftToken, FanoutProcess } from '../flows/fanout-process.ts';
import { type CommandRun, runCommand } from './command-run.ts';

let system: FanoutProcess;
let subscriber: Subscriber;

beforeAll(async () => {
  [system, subscriber] = await Promise.all([FanoutProcess.start(), Subscriber.start()]);
});
afterAll(async () => {
  await Promise.all([system?.stop(), subscriber?.stop()]);
});

async function fanout(args: readonly string[], stdin = ''): Promise<CommandRun> {
  return runCommand([...args, '--json'], {
    stdin,
    env: { FANOUT_API: system.ready.api, DRIFT_TOKEN: driftToken },
    onSleep: () => new Promise((resolve) => setTimeout(resolve, 100)),
  });
}

async function done(args: readonly string[], stdin?: string): Promise<Record<string, unknown>> {
  const run = await fanout(args, stdin);
  expect({ args, ...run }).toMatchObject({ exitCode: 0 });
  return JSON.parse(run.out);
}

it('leads a subscription through its life on the local run', async () => {
  const id = String(
    (await done(['subscriptions', 'create', subscriber.url, '--events', 'new_message', '--orgs', '7001', '--wait']))
      .subscriptionId,
  );
  expect(await done(['subscriptions', 'test', id])).toMatchObject({ outcome: 'delivered' });

  const event = '{"orgId":7001,"type":"new_message","data":{"id":9007199254740993,"conversationId":1}}';
  await done(['events', 'send', '-'], event);
  await subscriber.until((deliveries) => deliveries.length === 2, 'the test event and the message');
  expect(subscriber.bodies()[1]).toBe(event);

  expect(await done(['subscriptions', 'pause', id, '--wait'])).toMatchObject({ status: 'paused' });
  expect(await fanout(['subscriptions', 'test', id])).toMatchObject({ exitCode: 1 });
  expect(await done(['subscriptions', 'resume', id, '--wait'])).toMatchObject({ status: 'active', delivering: true });

  subscriber.answer = (_delivery, response) => response.writeHead(400).end('no, thank you');
  const refused = await fanout(['subscriptions', 'test', id]);
  expect(refused.exitCode).toBe(7);
  expect(refused.out).toContain('no, thank you');

  // The history gathers for some seconds.
  await expect
    .poll(async () => (await done(['deliveries', 'list', id])).deliveries, { timeout: 20_000 })
    .toHaveLength(3);
  await done(['subscriptions', 'delete', id, '--yes']);
  expect(await fanout(['subscriptions', 'show', id])).toMatchObject({ exitCode: 4 });
});
