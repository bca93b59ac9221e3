import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { defaultDriftToken, type LocalStack, startLocalStack } from '../../local/local-stack.ts';

let stack: LocalStack;
let subscriber: Subscriber;
beforeAll(async () => {
  [stack, subscriber] = await Promise.all([startLocalStack({ onNotice: () => {} }), Subscriber.start()]);
});
afterAll(async () => {
  await Promise.all([stack?.stop(), subscriber?.stop()]);
});

const headers = { 'content-type': 'application/json' };

it('a deployment without traces tells X-Ray nothing, whatever a post asks for, and its log lines name the trace all the same', async () => {
  const subscription = JSON.stringify({ url: subscriber.url, eventTypes: ['phone_captured'] });
  const created = await fetch(`${stack.api}/v1/subscriptions`, { method: 'POST', headers, body: subscription });
  const { subscriptionId } = (await created.json()) as { subscriptionId: string };
  await vi.waitFor(
    async () => {
      const found = await fetch(`${stack.api}/v1/subscriptions/${subscriptionId}`);
      expect(await found.json()).toMatchObject({ provisioning: 'ready' });
    },
    { timeout: 20_000 },
  );
  const traceId = '1-67e5e000-0123456789abcdef01234567';
  const event = { orgId: 1, type: 'phone_captured', token: defaultDriftToken, data: { conversationId: 1 } };
  await fetch(`${stack.api}/drift/events`, {
    method: 'POST',
    headers: { ...headers, 'x-amzn-trace-id': `Root=${traceId};Sampled=1` },
    body: JSON.stringify(event),
  });
  // The line is written before the attempt is settled, and only what is settled leaves the queue.
  await vi.waitFor(
    () => {
      const attempts = stack.logs
        .lines(`fanout-local-${subscriptionId}`)
        .filter(({ text }) => text.includes('"attempt"'));
      expect(attempts.map(({ text }) => JSON.parse(text).xray_trace_id)).toEqual([traceId]);
      const [queue] = stack.queues.list(`fanout-local-${subscriptionId}`);
      expect(queue?.counts()).toMatchObject({ visible: 0, inFlight: 0 });
    },
    { timeout: 20_000 },
  );
  expect(stack.traces.list()).toEqual([]);
});
