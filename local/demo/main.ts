import { startLocalStack } from '../local-stack.ts';
import { playConversation } from './conversation.ts';
import { startDemoSubscriber } from './demo-subscriber.ts';
import { deliveryLine, postLine, story, summary } from './storyteller.ts';

/** `npm run demo`: a Drift conversation goes in, and what it becomes comes out, in under a minute. */

const quietPeriodSeconds = 5;
const eventTypes = ['new_message', 'conversation_manual_push', 'conversation_inactive', 'conversation_push'];

console.log(story.starting);
const stack = await startLocalStack({ port: 0, awsPort: 0, quietPeriodSeconds, driftToken: 'demo-token' });
const subscriber = await startDemoSubscriber((delivery) => console.log(deliveryLine(delivery)));
let exitCode = 1;
try {
  const created = await fetch(`${stack.api}/v1/subscriptions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: subscriber.url, eventTypes, description: 'demo subscriber' }),
  });
  if (created.status !== 201) throw new Error(`the subscription was not created: ${await created.text()}`);
  const { subscriptionId, secret } = (await created.json()) as { subscriptionId: string; secret: string };
  subscriber.verifyWith(secret);
  await untilReady(subscriptionId);
  console.log(story.subscribed(subscriptionId, eventTypes));

  await playConversation({
    quietPeriodSeconds,
    post: async (event) => {
      console.log(postLine(event));
      const response = await fetch(`${stack.api}/drift/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...event, token: 'demo-token' }),
      });
      if (!response.ok) throw new Error(`the post was refused: ${await response.text()}`);
    },
    narrate: (line) => console.log(story.narration(line)),
    untilReceived: subscriber.untilReceived,
  });

  const missing = eventTypes.filter((type) => !subscriber.received.some((delivery) => delivery.type === type));
  const unverified = subscriber.received.filter(({ verified }) => !verified).length;
  console.log(summary(subscriber.received.length, unverified, missing));
  exitCode = missing.length === 0 && unverified === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  await Promise.all([subscriber.stop(), stack.stop()]);
}
process.exit(exitCode);

async function untilReady(subscriptionId: string): Promise<void> {
  for (let look = 0; look < 200; look++) {
    const { provisioning, reason } = (await (
      await fetch(`${stack.api}/v1/subscriptions/${subscriptionId}`)
    ).json()) as {
      provisioning: string;
      reason?: string;
    };
    if (provisioning === 'ready') return;
    if (provisioning === 'rejected') throw new Error(`the subscription was rejected: ${reason}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the subscription was not provisioned within 20 s');
}
