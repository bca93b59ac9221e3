import { beforeEach, describe, expect, it } from 'vitest';
import { aMessage, anInactivity, aStatusUpdate, broadcastsOf, instantIn } from '../../lab/support/drift-events.ts';
import { InMemoryConversations } from '../../lab/support/in-memory/conversations.ts';
import { RecordedPublisher } from '../../lab/support/in-memory/publisher.ts';
import { RecordedLog, RecordedMetrics } from '../../lab/support/in-memory/telemetry.ts';
import { aLambdaContext, anEnvelope, anSqsEvent, anSqsRecord } from '../../lab/support/sqs-events.ts';
import type { Broadcast } from '../../lambdas/domain/events/derive.ts';
import { publishedLegacyTimeline } from '../../lambdas/domain/events/legacy-timeline.ts';
import { type Conversation, timerShardOf, timerShards } from '../../lambdas/domain/inactivity/inactivity-timer.ts';
import { createEmitInactivityHandler } from '../../lambdas/inactivity/emit/handler.ts';
import type { DueTimer } from '../../lambdas/inactivity/ports.ts';
import { createSweepInactivityHandler } from '../../lambdas/inactivity/sweep/handler.ts';
import { createTrackActivityHandler } from '../../lambdas/inactivity/track/handler.ts';

const now = instantIn.removed;
const key = '1#123456789';
let conversations: InMemoryConversations;
let scheduled: (DueTimer & { delaySeconds: number })[];
let publisher: RecordedPublisher;
let metrics: RecordedMetrics;
let log: RecordedLog;
let failSchedule: boolean;
let passedMs: number;

beforeEach(() => {
  conversations = new InMemoryConversations();
  scheduled = [];
  publisher = new RecordedPublisher();
  metrics = new RecordedMetrics();
  log = new RecordedLog();
  failSchedule = false;
  passedMs = 0;
});

function deps() {
  return {
    conversations,
    publisher,
    metrics,
    quietPeriods: {
      ofOrgs: async (orgIds: readonly string[]) => new Map(orgIds.map((orgId) => [orgId, orgId === '7' ? 60 : 600])),
    },
    timers: {
      schedule: async (timers: readonly (DueTimer & { delaySeconds: number })[]) => {
        if (failSchedule) throw new Error('queue unreachable');
        scheduled.push(...timers);
      },
    },
    timeline: publishedLegacyTimeline,
    clock: () => now + passedMs,
    log,
  };
}

const messageRecord = (data: Parameters<typeof aMessage>[0], orgId?: string) => {
  const [broadcast] = broadcastsOf(aMessage(data, orgId), now);
  if (broadcast === undefined) throw new Error('nothing was broadcast');
  return anSqsRecord(anEnvelope(broadcast));
};

describe('track-activity', () => {
  const track = (...records: ReturnType<typeof anSqsRecord>[]) =>
    createTrackActivityHandler(deps())(anSqsEvent(...records), aLambdaContext());

  it('writes once for all messages of one conversation in a batch', async () => {
    await track(...[3, 9, 5].map((secondsAgo) => messageRecord({ createdAt: now - secondsAgo * 1000 })));
    expect(conversations.writes).toBe(1);
    expect(conversations.items.get(key)).toEqual({
      lastActivityAt: now - 3000,
      openedAt: now - 3000,
      dueAt: now - 3000 + 600_000,
    });
  });

  it('writes the index once for a hundred messages of one conversation, a batch each', async () => {
    for (let index = 0; index < 100; index++) await track(messageRecord({ createdAt: now - 100_000 + index }));
    expect(conversations.writes).toBe(100);
    expect(conversations.indexWrites).toBe(1);
  });

  it("arms each organisation's conversations by its own quiet period", async () => {
    await track(messageRecord({ createdAt: now }), messageRecord({ createdAt: now }, '7'));
    expect(conversations.items.get('1#123456789')?.dueAt).toBe(now + 600_000);
    expect(conversations.items.get('7#123456789')?.dueAt).toBe(now + 60_000);
  });

  it('hands over at once what falls due before the next sweep', async () => {
    await track(messageRecord({ createdAt: now }), messageRecord({ createdAt: now - 500 }, '7'));
    expect(scheduled).toEqual([{ conversationKey: '7#123456789', dueAt: now + 59_500, delaySeconds: 60 }]);
  });

  it('leaves a message that is no event to the dead-letter queue, and nothing else of its batch', async () => {
    const bad = [anSqsRecord('not json'), anSqsRecord({ detail: 5 }), anSqsRecord({})];
    const result = await track(...bad, messageRecord({ createdAt: now }));
    expect(result.batchItemFailures).toEqual(bad.map(({ messageId }) => ({ itemIdentifier: messageId })));
    expect(conversations.items.size).toBe(1);
  });

  it('ignores an event without a conversation, and does not keep it', async () => {
    expect(await track(messageRecord({ conversationId: 'none' }))).toEqual({ batchItemFailures: [] });
    expect(conversations.items.size).toBe(0);
  });

  it('a message whose hand-over failed comes again, and is handed over then', async () => {
    const record = messageRecord({ createdAt: now }, '7');
    failSchedule = true;
    expect((await track(record)).batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(log.lines).toMatchObject([
      { level: 'error', fields: { messageIds: [record.messageId], error: new Error('queue unreachable') } },
    ]);
    failSchedule = false;
    await track({ ...record, attributes: { ...record.attributes, ApproximateReceiveCount: '2' } });
    expect(scheduled).toEqual([{ conversationKey: '7#123456789', dueAt: now + 60_000, delaySeconds: 60 }]);
  });
});

describe('a closed conversation', () => {
  const handle = (...events: Parameters<typeof broadcastsOf>[0][]) =>
    createTrackActivityHandler(deps())(
      anSqsEvent(...events.map((event) => anSqsRecord(anEnvelope(broadcastsOf(event, now)[0] as Broadcast)))),
      aLambdaContext(),
    );
  const agent = { type: 'user', id: 243266, bot: false };

  it('is armed by no note of an agent that comes in one batch with the close, only by the contact', async () => {
    await handle(
      aMessage({ createdAt: now - 9000 }),
      aStatusUpdate({ changedAt: now - 8000 }),
      aMessage({ type: 'private_note', author: agent, createdAt: now - 7000 }),
    );
    expect(conversations.items.get(key)?.dueAt).toBeUndefined();
    await handle(aMessage({ createdAt: now - 6000 }));
    expect(conversations.items.get(key)?.dueAt).toBe(now - 6000 + 600_000);
  });

  it('that Drift itself called inactive has no timer', async () => {
    await handle(aMessage({ createdAt: now - 700_000 }));
    expect(conversations.items.get(key)?.dueAt).toBeDefined();
    await handle(anInactivity({ lastUpdated: now - 700_000 + 7 }));
    expect(conversations.items.get(key)?.dueAt).toBeUndefined();
  });
});

describe('emit-inactivity', () => {
  const armed: Conversation = { lastActivityAt: now - 600_000, dueAt: now };
  const refused = { kind: 'failed', reason: 'InternalFailure', isNothingTaken: true } as const;
  const look = (timer: DueTimer = { conversationKey: key, dueAt: now }) =>
    createEmitInactivityHandler(deps())(anSqsEvent(anSqsRecord(timer)), aLambdaContext());

  it('publishes the inactivity with all that follows from it, under the ids that Drift’s own would have', async () => {
    conversations.items.set(key, armed);
    await look();
    const expected = broadcastsOf(anInactivity({ lastUpdated: now - 600_000 }), now).map(({ detail }) => detail.id);
    expect(publisher.typesPublished()).toEqual(['conversation_inactive', 'conversation_push']);
    expect(publisher.published.map(({ detail }) => detail.id)).toEqual(expected);
    expect(conversations.items.get(key)).toEqual({ lastActivityAt: now - 600_000 });
    expect(metrics.valuesOf('InactivityLateness')).toEqual([0]);
  });

  it('writes the index twice for a timer that fires: taken, cleared', async () => {
    conversations.items.set(key, armed);
    await look();
    expect(conversations.indexWrites).toBe(2);
  });

  it('tells its own inactivity from Drift’s, so that it settles no timer', async () => {
    conversations.items.set(key, armed);
    await look();
    expect(publisher.published.map(({ detail }) => detail.cause)).toEqual(['quiet_period', 'conversation_inactive']);
  });

  it('fires nothing while an activity that was accepted before is still in the queue', async () => {
    const secondAt = now - 500;
    conversations.items.set(key, { ...armed, acceptedAt: secondAt });
    await look();
    expect(publisher.published).toEqual([]);
    expect(conversations.items.get(key)).toMatchObject({ lastActivityAt: secondAt, dueAt: secondAt + 600_000 });
  });

  it('fires nothing for a conversation whose close is accepted and still in the queue, and takes its timer away', async () => {
    conversations.items.set(key, { ...armed, acceptedClosedAt: now - 500 });
    await look();
    expect(publisher.published).toEqual([]);
    expect(conversations.items.get(key)).not.toHaveProperty('dueAt');
  });

  it('fires nothing once Drift’s own inactivity is accepted and still in the queue, and takes its timer away', async () => {
    conversations.items.set(key, { ...armed, acceptedSettledAt: armed.lastActivityAt - 700 });
    await look();
    expect(publisher.published).toEqual([]);
    expect(conversations.items.get(key)).not.toHaveProperty('dueAt');
  });

  it('a bus that does not take it leaves the timer armed, and the message in the queue', async () => {
    conversations.items.set(key, armed);
    publisher.nextOutcomes.push(refused);
    expect((await look()).batchItemFailures).toHaveLength(1);
    expect(conversations.items.get(key)?.dueAt).toBeGreaterThan(now);
    expect(metrics.valuesOf('PublishFailed')).toEqual([1]);
  });

  it('is as late as since its second, however often the bus refused it in between', async () => {
    conversations.items.set(key, armed);
    publisher.nextOutcomes.push(refused, refused);
    await look();
    for (const minutes of [1, 2]) {
      const dueAt = conversations.items.get(key)?.dueAt ?? 0;
      passedMs = minutes * 60_000;
      await look({ conversationKey: key, dueAt });
      expect(metrics.valuesOf('InactivityLateness').at(-1)).toBe(passedMs);
    }
    expect(publisher.typesPublished()).toEqual(['conversation_inactive', 'conversation_push']);
    expect(conversations.items.get(key)).toEqual({ lastActivityAt: armed.lastActivityAt });
  });

  it('that something was said in while the bus refused it is not late the next time', async () => {
    conversations.items.set(key, armed);
    publisher.nextOutcomes.push(refused);
    await look();
    const { dueAt = 0 } = conversations.items.get(key) ?? {};
    expect(conversations.items.get(key)).toHaveProperty('firingSince');
    conversations.items.set(key, { ...conversations.items.get(key), lastActivityAt: now + 1000 });
    passedMs = 60_000;
    await look({ conversationKey: key, dueAt });
    expect(conversations.items.get(key)).toEqual({ lastActivityAt: now + 1000, dueAt: now + 601_000 });
    expect(publisher.published).toEqual([]);
  });

  const message = aMessage({ createdAt: now });
  const close = aStatusUpdate({ changedAt: now });
  it.each([
    ['a message came before it tried again', 'refuses the rest', message, { dueAt: now + 600_000 }],
    ['a close came before it tried again', 'refuses the rest', close, { closedAt: now }],
    ['the function ended, and a message came', 'is not heard', message, { dueAt: now + 600_000 }],
    ['the function ended, and a close came', 'is not heard', close, { closedAt: now }],
  ])('publishes what it has begun to its end, though %s', async (_, bus, next, left) => {
    conversations.items.set(key, armed);
    const publish = publisher.publish.bind(publisher);
    // Of the cause and what follows from it, some is on the bus by now.
    publisher.publish = async () => {
      publisher.publish = publish;
      if (bus === 'is not heard') throw new Error('the function has ended');
      return { kind: 'failed', reason: 'InternalFailure' };
    };
    await look();
    await createTrackActivityHandler(deps())(
      anSqsEvent(...broadcastsOf(next, now).map((broadcast) => anSqsRecord(anEnvelope(broadcast)))),
      aLambdaContext(),
    );
    const lease = conversations.items.get(key)?.dueAt ?? 0;
    expect(lease).toBeGreaterThan(now);
    const lookAgain = () =>
      createEmitInactivityHandler({ ...deps(), clock: () => lease })(
        anSqsEvent(anSqsRecord({ conversationKey: key, dueAt: lease })),
        aLambdaContext(),
      );
    await Promise.all([lookAgain(), lookAgain()]);
    expect(publisher.typesPublished()).toEqual(['conversation_inactive', 'conversation_push']);
    expect(publisher.published[0]?.detail.data).toMatchObject({ lastUpdated: now - 600_000 });
    const { dueAt, closedAt, publishing, lastActivityAt } = conversations.items.get(key) ?? {};
    expect({ dueAt, closedAt, publishing, lastActivityAt }).toEqual({ ...left, lastActivityAt: now });
  });

  it('publishes nothing for what it could not begin, once a message has come', async () => {
    conversations.items.set(key, armed);
    publisher.nextOutcomes.push(refused);
    await look();
    const lease = conversations.items.get(key)?.dueAt ?? 0;
    conversations.items.set(key, { ...conversations.items.get(key), lastActivityAt: now });
    await look({ conversationKey: key, dueAt: lease });
    expect(publisher.published).toEqual([]);
    expect(conversations.items.get(key)).toEqual({ lastActivityAt: now, dueAt: now + 600_000 });
  });

  it('publishes once what a message meets on its way to the bus, and sets the timer anew', async () => {
    conversations.items.set(key, armed);
    const publish = publisher.publish.bind(publisher);
    publisher.publish = async (broadcasts) => {
      await createTrackActivityHandler(deps())(
        anSqsEvent(...broadcastsOf(aMessage({ createdAt: now }), now).map((one) => anSqsRecord(anEnvelope(one)))),
        aLambdaContext(),
      );
      return publish(broadcasts);
    };
    await look();
    expect(publisher.typesPublished()).toEqual(['conversation_inactive', 'conversation_push']);
    expect(conversations.items.get(key)).toMatchObject({ lastActivityAt: now, dueAt: now + 600_000 });
    expect(conversations.items.get(key)).not.toHaveProperty('publishing');
  });

  it('a second copy of the timer publishes nothing', async () => {
    conversations.items.set(key, armed);
    await Promise.all([look(), look()]);
    expect(publisher.typesPublished()).toEqual(['conversation_inactive', 'conversation_push']);
  });

  it('keeps a conversation id of 64 bits to the last digit', async () => {
    conversations.items.set('9223372036854775807#9007199254740993', armed);
    await look({ conversationKey: '9223372036854775807#9007199254740993', dueAt: now });
    expect(JSON.stringify(publisher.published[0]?.detail)).toContain('"conversationId":9007199254740993');
    expect(JSON.stringify(publisher.published[0]?.detail)).toContain('"orgId":9223372036854775807');
  });
});

describe('a field that is stored beside the known ones', () => {
  const later = { later: 'kept' };
  const stored = () => conversations.items.get(key);
  const track = (...parts: Parameters<typeof broadcastsOf>) =>
    createTrackActivityHandler(deps())(
      anSqsEvent(...broadcastsOf(...parts).map((broadcast) => anSqsRecord(anEnvelope(broadcast)))),
      aLambdaContext(),
    );
  const look = (dueAt: number) =>
    createEmitInactivityHandler(deps())(anSqsEvent(anSqsRecord({ conversationKey: key, dueAt })), aLambdaContext());

  it('stays when a message arms and moves the timer, and when a close takes it away', async () => {
    conversations.items.set(key, { lastActivityAt: now - 9000, ...later });
    await track(aMessage({ createdAt: now - 8000 }), now);
    expect(stored()).toMatchObject({ lastActivityAt: now - 8000, dueAt: now + 592_000, ...later });
    await track(aMessage({ createdAt: now - 7000 }), now);
    expect(stored()).toMatchObject({ lastActivityAt: now - 7000, dueAt: now + 592_000, ...later });
    await track(aStatusUpdate({ changedAt: now - 6000 }), now);
    expect(stored()).toMatchObject({ lastActivityAt: now - 6000, ...later });
    expect(stored()?.dueAt).toBeUndefined();
  });

  it('stays when a timer is looked at: too early, and when it fires', async () => {
    conversations.items.set(key, { lastActivityAt: now - 1000, dueAt: now, ...later });
    await look(now);
    expect(stored()).toEqual({ lastActivityAt: now - 1000, dueAt: now + 599_000, ...later });
    conversations.items.set(key, { lastActivityAt: now - 600_000, dueAt: now, ...later });
    await look(now);
    expect(publisher.typesPublished()).toContain('conversation_inactive');
    expect(stored()).toEqual({ lastActivityAt: now - 600_000, ...later });
  });
});

describe('sweep-inactivity', () => {
  const sweep = (context = aLambdaContext()) => createSweepInactivityHandler(deps())({}, context);
  const arm = (conversationKey: string, dueAt: number) =>
    conversations.items.set(conversationKey, { lastActivityAt: 0, dueAt });

  it('hands over what is overdue or falls due before the next sweep, delayed to the second, and nothing else', async () => {
    arm('1#1', now - 90_000);
    arm('1#2', now + 59_200);
    arm('1#3', now + 90_000);
    await sweep();
    expect(scheduled.sort((one, other) => one.dueAt - other.dueAt)).toEqual([
      { conversationKey: '1#1', dueAt: now - 90_000, delaySeconds: 0 },
      { conversationKey: '1#2', dueAt: now + 59_200, delaySeconds: 60 },
    ]);
    expect(metrics.valuesOf('SweepCompleted')).toEqual([1]);
  });

  it('reads what is due, not what is armed', async () => {
    arm('1#1', now);
    for (let id = 0; id < 1_000; id++) arm(`2#${id}`, Number.MAX_SAFE_INTEGER);
    await sweep();
    expect(conversations.timersRead).toBe(1);
  });

  it('with its time running out begins no further page', async () => {
    for (let id = 0; id < 100; id++) arm(`1#${id}`, now);
    await sweep(aLambdaContext(4_000));
    expect(scheduled.length).toBeGreaterThan(0);
    expect(scheduled.length).toBeLessThan(100);
  });

  it('one shard that cannot be read keeps no other waiting, and the sweep does not count as completed', async () => {
    const dueTimers = conversations.dueTimers.bind(conversations);
    conversations.dueTimers = (shard, until) => {
      if (shard === 0) throw new Error('throttled');
      return dueTimers(shard, until);
    };
    for (let id = 0; id < 50; id++) arm(`1#${id}`, now);
    await expect(sweep()).rejects.toThrow('1 shards could not be swept');
    const inShard0 = [...conversations.items.keys()].filter(
      (conversationKey) => timerShardOf(conversationKey) === 0,
    ).length;
    expect(scheduled).toHaveLength(50 - inShard0);
    expect(metrics.valuesOf('SweepCompleted')).toEqual([]);
    expect(log.lines).toMatchObject([{ level: 'error', fields: { error: new Error('throttled') } }]);
    expect(timerShards).toBeGreaterThan(1);
  });
});
