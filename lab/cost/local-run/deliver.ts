import { pause, type Stage, subscribersQueue } from './stage.ts';

/** What posts of one organisation are delivered to. */
export interface Audience {
  readonly orgId: number;
  readonly fanOut: number;
}

/** As many as a batch takes: each message of it is of another. */
const conversations = 10;
let next = 0;
const nextConversation = (): number => next++ % conversations;

/** Each function warm, each conversation known, and no timer that fires: that is the everyday. */
export async function warmUp(stage: Stage, { orgId, fanOut }: Audience): Promise<void> {
  const response = await fetch(`${stage.stack.api}/v1/orgs/${orgId}/settings`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ quietPeriodSeconds: 86_400 }),
  });
  if (!response.ok) throw new Error(`the quiet period was answered ${response.status}: ${await response.text()}`);
  const { received } = stage.receiver;
  for (let conversationId = 0; conversationId < conversations; conversationId++) {
    await stage.post({ orgId, conversationId, eventBytes: 400 });
  }
  await stage.receiver.until(() => stage.receiver.received >= received + conversations * fanOut);
}

/** One post, until it is delivered to all; answers with the bytes of the answer to Drift. */
export async function deliverOne({ receiver, post }: Stage, eventBytes: number, audience: Audience): Promise<number> {
  const { received } = receiver;
  const { orgId, fanOut } = audience;
  const { answerBytes } = await post({ orgId, conversationId: nextConversation(), eventBytes });
  await receiver.until(() => receiver.received >= received + fanOut);
  // Until the batch has been written down and deleted.
  await pause(50);
  return answerBytes;
}

/**
 * So many posts, which wait in the queues until all are there. Where each first attempt `fails`, the second ones wait as well,
 * however the jitter falls.
 */
export async function deliverBatch(
  stage: Stage,
  messages: number,
  eventBytes: number,
  { orgId, fanOut }: Audience,
  { fails = false } = {},
): Promise<void> {
  const { receiver } = stage;
  const { received, failed } = receiver;
  const deliveries = messages * fanOut;
  await stage.inFullBatches(async () => {
    const posts = Array.from({ length: messages }, () =>
      stage.post({ orgId, conversationId: nextConversation(), eventBytes }),
    );
    await Promise.all(posts);
    await untilWaiting(stage, deliveries);
  });
  if (fails) {
    await receiver.until(() => receiver.failed >= failed + deliveries);
    await stage.inFullBatches(() => untilWaiting(stage, deliveries));
  }
  await receiver.until(() => receiver.received >= received + deliveries);
}

async function untilWaiting({ stack }: Stage, messages: number): Promise<void> {
  const waiting = (): number =>
    stack.queues
      .list()
      .filter(({ name }) => subscribersQueue.test(name))
      .reduce((sum, queue) => sum + queue.counts().visible, 0);
  while (waiting() < messages) await pause(50);
}
