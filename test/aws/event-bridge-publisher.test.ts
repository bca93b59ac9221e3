import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { aSyncCommand, broadcastsOf, instantIn } from '../../lab/support/drift-events.ts';
import { eventBridgePublisher } from '../../lambdas/aws/event-bridge-publisher.ts';
import type { Broadcast } from '../../lambdas/domain/events/derive.ts';
import { originalJson } from '../../lambdas/json/queue-safe-json.ts';

const eventBridge = mockClient(EventBridgeClient);
let waitedMs: number[];

beforeEach(() => {
  eventBridge.reset();
  waitedMs = [];
});

const publish = (broadcasts: readonly Broadcast[]) =>
  eventBridgePublisher({
    client: new EventBridgeClient({ region: 'us-east-1' }),
    eventBusName: 'the-bus',
    sleep: async (ms) => {
      waitedMs.push(ms);
    },
  }).publish(broadcasts);

const typesOfCall = (index: number) =>
  eventBridge.commandCalls(PutEventsCommand)[index]?.args[0].input.Entries?.map((entry) => entry.DetailType);
const sync = broadcastsOf(aSyncCommand(), instantIn.mirroring);
const aBigEvent = (bytes: number): Broadcast => {
  const [broadcast] = broadcastsOf({ orgId: '1', type: 'big', data: { text: 'x'.repeat(bytes) } });
  if (broadcast === undefined) throw new Error('nothing was broadcast');
  return broadcast;
};

describe('publishing', () => {
  it('puts a cause and all that follows from it on the bus in one call', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: sync.map(() => ({ EventId: 'e' })) });
    expect(await publish(sync)).toEqual({ kind: 'published' });
    expect(eventBridge.commandCalls(PutEventsCommand)).toHaveLength(1);
    const [entry] = eventBridge.commandCalls(PutEventsCommand)[0]?.args[0].input.Entries ?? [];
    expect(entry).toMatchObject({ EventBusName: 'the-bus', Source: 'drift', DetailType: 'new_command_message' });
    expect(JSON.parse(entry?.Detail ?? '')).toMatchObject({
      orgId: 1,
      type: 'new_command_message',
      id: sync[0]?.detail.id,
    });
  });

  it('sends again only what failed of a call that succeeded', async () => {
    eventBridge
      .on(PutEventsCommand)
      .resolvesOnce({
        FailedEntryCount: 2,
        Entries: [
          { EventId: 'e' },
          { ErrorCode: 'ThrottlingException' },
          { EventId: 'e' },
          { ErrorCode: 'InternalFailure' },
        ],
      })
      .resolves({ FailedEntryCount: 0, Entries: [] });
    expect(await publish(sync)).toEqual({ kind: 'published' });
    expect(typesOfCall(1)).toEqual(['conversation_manual_push', 'conversation_status_updated']);
  });

  it('gives up after three more tries, each later than the one before, and says why', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure' }] });
    expect(await publish(sync.slice(0, 1))).toEqual({
      kind: 'failed',
      reason: 'InternalFailure',
      isNothingTaken: true,
    });
    expect(waitedMs).toEqual([50, 200, 800]);
  });

  it('does not say that nothing is on the bus when some was taken, and the rest refused to the end', async () => {
    const refused = { ErrorCode: 'InternalFailure' };
    eventBridge
      .on(PutEventsCommand)
      .resolvesOnce({ FailedEntryCount: 1, Entries: [{ EventId: 'e' }, refused] })
      .resolves({ FailedEntryCount: 1, Entries: [refused] });
    expect(await publish(sync.slice(0, 2))).toEqual({ kind: 'failed', reason: 'InternalFailure' });
  });

  it('does not say that nothing is on the bus when an answer was lost before all was refused', async () => {
    const refused = { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure' }] };
    // What the SDK's second try of one call answers, and then its first try of the next ones.
    eventBridge
      .on(PutEventsCommand)
      .resolvesOnce({ ...refused, $metadata: { attempts: 2 } })
      .resolves({ ...refused, $metadata: { attempts: 1 } });
    expect(await publish(sync.slice(0, 1))).toEqual({ kind: 'failed', reason: 'InternalFailure' });
  });

  it('says so when the bus cannot be reached, and not that nothing is on it: an answer may be lost', async () => {
    eventBridge.on(PutEventsCommand).rejects(Object.assign(new Error('no route'), { name: 'TimeoutError' }));
    expect(await publish(sync)).toEqual({ kind: 'failed', reason: 'TimeoutError: no route' });
  });

  it('takes more calls only where the limits of one are reached', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [] });
    await publish([aBigEvent(150_000), aBigEvent(100_000), aBigEvent(150_000)]);
    expect(eventBridge.commandCalls(PutEventsCommand).map((call) => call.args[0].input.Entries?.length)).toEqual([
      2, 1,
    ]);
    eventBridge.resetHistory();
    await publish(Array.from({ length: 11 }, () => aBigEvent(1)));
    expect(eventBridge.commandCalls(PutEventsCommand).map((call) => call.args[0].input.Entries?.length)).toEqual([
      10, 1,
    ]);
  });

  it('says which event is larger than the bus takes, and sends nothing', async () => {
    expect(await publish([aBigEvent(1), aBigEvent(262_144)])).toMatchObject({ kind: 'too-large', type: 'big' });
    expect(eventBridge.commandCalls(PutEventsCommand)).toHaveLength(0);
  });

  it('leaves room below 256 KB for what PutEvents may count beside the event, so that no post is answered 503 for ever', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [] });
    expect(await publish([aBigEvent(255_000)])).toEqual({ kind: 'published' });
    expect(await publish([aBigEvent(256_000)])).toMatchObject({ kind: 'too-large' });
  });

  it('spells what SQS would refuse in a way that every queue takes', async () => {
    eventBridge.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [] });
    const data = { body: 'a\uffffb\ufffec\ud83d', '\uffff': 1 };
    await publish(broadcastsOf({ orgId: '1', type: 'odd', data }));
    const { Detail: detail = '' } = eventBridge.commandCalls(PutEventsCommand)[0]?.args[0].input.Entries?.[0] ?? {};
    expect(detail).not.toMatch(/[\ufffe\uffff]|\\u/);
    expect(JSON.parse(originalJson(detail)).data).toEqual(data);
  });
});
