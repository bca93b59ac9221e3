import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type EmbeddedDynamo, startEmbeddedDynamo } from '../../lab/support/embedded-dynamo.ts';
import { InMemoryEventHistory } from '../../lab/support/in-memory/event-history.ts';
import { dynamoEventHistory } from '../../lambdas/aws/dynamo-event-history.ts';
import { dynamoEventRecorder } from '../../lambdas/aws/dynamo-event-recorder.ts';
import { defaultEventHistoryDays, type RecordedEvent } from '../../lambdas/domain/history/recorded-event.ts';
import type { EventHistory, EventQuery } from '../../lambdas/manage/ports.ts';
import type { EventRecorder } from '../../lambdas/record-events/ports.ts';

let dynamo: EmbeddedDynamo;
beforeAll(async () => {
  dynamo = await startEmbeddedDynamo();
});
afterAll(() => dynamo.stop());

const noon = Date.UTC(2026, 10, 22, 12);
const hour = 60 * 60 * 1000;
const forEver = Date.UTC(2027, 0, 1);

let tables = 0;
async function inDynamo(keptDays = 30): Promise<{ history: EventHistory; recorder: EventRecorder }> {
  const tableName = `events-${tables++}`;
  await dynamo.createTable('events', tableName);
  const { client } = dynamo;
  return {
    recorder: dynamoEventRecorder(client, tableName),
    history: dynamoEventHistory({
      client,
      tableName,
      sleep: async () => {},
      random: () => 0,
      keptDays,
      clock: () => noon + hour,
    }),
  };
}

async function inMemory(): Promise<{ history: EventHistory; recorder: EventRecorder }> {
  const history = new InMemoryEventHistory();
  return { history, recorder: history };
}

async function aHistory(make: () => ReturnType<typeof inDynamo>) {
  const { history, recorder } = await make();
  return {
    history,
    record: (event: Partial<RecordedEvent> & { webhookId: string }) => recorder.record(anEvent(event), forEver),
    /** All pages to the end. */
    async all(query: Partial<EventQuery> = {}) {
      const ids: string[] = [];
      let pages = 0;
      for (let before: string | undefined; ; pages++) {
        const page = await history.list({ from: 0, to: noon + hour, limit: 3, ...query, before });
        ids.push(...page.events.map(({ webhookId }) => webhookId));
        if (page.next === undefined) return { ids, pages: pages + 1 };
        expect(before === undefined || page.next < before).toBe(true);
        before = page.next;
      }
    },
  };
}

function anEvent(event: Partial<RecordedEvent> & { webhookId: string }): RecordedEvent {
  return {
    source: 'drift',
    type: 'new_message',
    orgId: '1',
    conversationId: '7',
    occurredAt: noon,
    recordedAt: noon,
    event: `{"detail":{"id":"${event.webhookId}"}}`,
    ...event,
  };
}

describe.each([
  ['in DynamoDB', () => inDynamo()],
  ['in memory', inMemory],
])('the event history %s', (_, make) => {
  it('keeps an event once: the same fact again changes nothing', async () => {
    const { history, record } = await aHistory(make);
    expect(await record({ webhookId: 'msg_1' })).toBe(true);
    expect(await record({ webhookId: 'msg_1', recordedAt: noon + 1, event: 'another' })).toBe(false);
    expect(await history.read('msg_1')).toEqual(anEvent({ webhookId: 'msg_1' }));
    expect(await history.read('msg_2')).toBeUndefined();
    expect([...(await history.readMany(['msg_1', 'msg_2', 'msg_1'])).keys()]).toEqual(['msg_1']);
  });

  it('lists newest first over all partitions and days, in pages that neither repeat nor leave out', async () => {
    const { record, all } = await aHistory(make);
    const events = Array.from({ length: 25 }, (_, index) => ({
      webhookId: `msg_${String(index).padStart(2, '0')}`,
      // Several in one millisecond, and days between.
      recordedAt: noon - Math.floor(index / 3) * 7 * hour,
    }));
    for (const event of events) await record(event);
    const expected = events
      .toSorted((one, other) => other.recordedAt - one.recordedAt || (one.webhookId < other.webhookId ? 1 : -1))
      .map(({ webhookId }) => webhookId);
    const from = noon - 10 * 24 * hour;
    for (const limit of [1, 3, 7, 25, 100]) expect((await all({ from, limit })).ids).toEqual(expected);
    expect((await all({ from: noon - 7 * hour, to: noon - 7 * hour })).ids).toEqual(expected.slice(3, 6));
  });

  it('goes on from where a page ended while events arrive', async () => {
    const { history, record } = await aHistory(make);
    for (let index = 0; index < 6; index++) await record({ webhookId: `msg_${index}`, recordedAt: noon + index });
    const query = { from: noon - hour, to: noon + hour, limit: 3 };
    const first = await history.list(query);
    await record({ webhookId: 'msg_new', recordedAt: noon + 50 });
    const second = await history.list({ ...query, before: first.next });
    expect([...first.events, ...second.events].map(({ webhookId }) => webhookId)).toEqual(
      [5, 4, 3, 2, 1, 0].map((index) => `msg_${index}`),
    );
  });

  it('begins with the newest, however far in the future a list is to begin', async () => {
    const { history, record } = await aHistory(make);
    await record({ webhookId: 'msg_1' });
    const page = await history.list({ from: noon - hour, to: Date.UTC(9999, 11, 31), limit: 3 });
    expect(page.events.map(({ webhookId }) => webhookId)).toEqual(['msg_1']);
    expect(page.next).toBeUndefined();
  });

  it('finds by type, organisation and conversation', async () => {
    const { record, all } = await aHistory(make);
    const from = noon - hour;
    await record({ webhookId: 'msg_push', type: 'conversation_push' });
    await record({ webhookId: 'msg_org2', orgId: '2' });
    await record({ webhookId: 'msg_8', conversationId: '8' });
    await record({ webhookId: 'msg_old', recordedAt: noon - 30 * 24 * hour });
    expect((await all({ from, type: 'conversation_push' })).ids).toEqual(['msg_push']);
    expect((await all({ from, orgId: '2' })).ids).toEqual(['msg_org2']);
    expect((await all({ from, conversationId: '8' })).ids).toEqual(['msg_8']);
    expect((await all({ orgId: '1', conversationId: '7' })).ids).toEqual(['msg_push', 'msg_old']);
  });
});

describe('the event history in DynamoDB', () => {
  it('reads a bounded amount for a page over days without events, and says from where to go on', async () => {
    const { history, record, all } = await aHistory(() => inDynamo());
    await record({ webhookId: 'msg_old', recordedAt: noon - 25 * 24 * hour });
    const from = noon - 30 * 24 * hour;
    const page = await history.list({ from, to: noon, limit: 3 });
    expect(page).toEqual({ events: [], next: expect.stringMatching(/^\d{14}$/) });
    expect(await all({ from, to: noon })).toEqual({ ids: ['msg_old'], pages: 3 });
  });

  it('has come to the end of a list where nothing older is kept, whatever is asked for', async () => {
    const { history, record } = await aHistory(() => inDynamo());
    await record({ webhookId: 'msg_new' });
    await record({ webhookId: 'msg_forgotten', recordedAt: noon - 30 * 24 * hour });
    const lateOn = noon - 29 * 24 * hour;
    expect(await history.list({ from: 0, to: lateOn, limit: 3 })).toEqual({ events: [] });
    expect(await history.list({ from: 0, to: noon - 31 * 24 * hour, limit: 3 })).toEqual({ events: [] });
    const gone = '00000000000000';
    expect(await history.list({ from: 0, to: noon, limit: 3, before: gone })).toEqual({ events: [] });
  });

  it('says of the fortnight that is kept by default, but for one event empty, in one answer that this is all', async () => {
    const { history, record } = await aHistory(() => inDynamo(defaultEventHistoryDays));
    await record({ webhookId: 'msg_1', recordedAt: noon - 5 * 24 * hour });
    const page = await history.list({ from: noon - 31 * 24 * hour, to: noon + hour, limit: 50 });
    expect(page).toEqual({ events: [expect.objectContaining({ webhookId: 'msg_1' })] });
  });

  it('takes for a page what it takes in a history of a tenth of the size', async () => {
    const readsOf = async (size: number) => {
      const { history, record } = await aHistory(() => inDynamo());
      const events = Array.from({ length: size }, (_, index) => ({
        webhookId: `msg_${index}`,
        recordedAt: noon - index * 1000,
        type: index % 100 === 50 ? 'button_clicked' : 'new_message',
      }));
      await Promise.all(events.map(record));
      const sends = vi.spyOn(dynamo.client, 'send');
      const page = await history.list({ from: noon - hour, to: noon, limit: 20 });
      const ofPage = sends.mock.calls.length;
      await history.readMany(page.events.map(({ webhookId }) => webhookId));
      await history.read('msg_7');
      await history.list({ from: noon - hour, to: noon, limit: 20, orgId: '1', conversationId: '7' });
      const ofAll = sends.mock.calls.length;
      sends.mockRestore();
      return { ofPage, ofAll, found: page.events.length };
    };
    expect(await readsOf(1000)).toEqual({ ...(await readsOf(100)), found: 20 });
  });
});
