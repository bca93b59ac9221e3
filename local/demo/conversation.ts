/** What Drift would post; ids and words are invented. */
export interface DriftPost {
  readonly orgId: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

interface Stage {
  readonly quietPeriodSeconds: number;
  readonly post: (event: DriftPost) => Promise<void>;
  readonly narrate: (line: string) => void;
  readonly untilReceived: (type: string, count: number) => Promise<void>;
}

const orgId = 1;
const visitor = { type: 'contact', id: 903182234, bot: false };
const agent = { type: 'user', id: 243266, bot: false };

/** One conversation, twice ready to be consumed: it goes quiet, then it is taken up again and an agent closes it. */
export async function playConversation({ quietPeriodSeconds, post, narrate, untilReceived }: Stage): Promise<void> {
  const conversationId = 123456789;
  let nextMessageId = 635760549;
  const message = (author: typeof visitor, body: string): DriftPost => ({
    orgId,
    type: 'new_message',
    data: { id: nextMessageId++, orgId, conversationId, body, author, type: 'chat', createdAt: Date.now() },
  });

  narrate('A visitor starts a conversation.');
  await post({
    orgId,
    type: 'new_conversation',
    data: { id: conversationId, orgId, status: 'open', contactId: visitor.id, createdAt: Date.now() },
  });
  await post(message(visitor, '<p>Hi, do you ship to Norway?</p>'));
  await untilReceived('new_message', 1);
  await post(message(agent, '<p>We do! Within three days.</p>'));
  await untilReceived('new_message', 2);

  narrate(`Nobody writes for ${quietPeriodSeconds} seconds (10 minutes unless you say otherwise) …`);
  await untilReceived('conversation_inactive', 1);
  await untilReceived('conversation_push', 1);

  narrate('The visitor writes again, and the agent closes the conversation.');
  await post(message(visitor, '<p>Great, thank you!</p>'));
  await post({
    orgId,
    type: 'conversation_status_updated',
    data: { conversationId, status: 'closed', changedAt: Date.now() },
  });
  await untilReceived('new_message', 3);
  await untilReceived('conversation_manual_push', 1);
  await untilReceived('conversation_push', 2);

  narrate(`It is closed, so the next ${quietPeriodSeconds} quiet seconds send nothing …`);
  await new Promise((resolve) => setTimeout(resolve, (quietPeriodSeconds + 2) * 1000));
}
