import { describe, expect, it } from 'vitest';
import {
  aMessage,
  anInactivity,
  aStatusUpdate,
  aSyncCommand,
  broadcastsOf,
  driftSampleInstant,
  instantIn,
} from '../../../lab/support/drift-events.ts';
import { deriveBroadcasts } from '../../../lambdas/domain/events/derive.ts';
import { eventTypes } from '../../../lambdas/domain/events/event-types.ts';
import { legacyPhases, publishedLegacyTimeline } from '../../../lambdas/domain/events/legacy-timeline.ts';
import { type JsonObject, parseJson } from '../../../lambdas/json/json.ts';

const typesOf = (...args: Parameters<typeof broadcastsOf>): string[] =>
  broadcastsOf(...args)
    .filter(({ source }) => source === 'drift')
    .map(({ detail }) => detail.type);
const dataOf = (type: string, ...args: Parameters<typeof broadcastsOf>): unknown =>
  broadcastsOf(...args).find(({ source, detail }) => source === 'drift' && detail.type === type)?.detail.data;

describe('a close', () => {
  it.each(legacyPhases.filter((phase) => phase !== 'removed'))(
    'is broadcast as itself and as a push while the legacy event lives (%s)',
    (phase) => {
      expect(typesOf(aStatusUpdate(), instantIn[phase])).toEqual([
        'conversation_status_updated',
        'conversation_manual_push',
        'conversation_push',
      ]);
    },
  );

  it('is broadcast as a push only once the legacy event is gone', () => {
    expect(typesOf(aStatusUpdate())).toEqual(['conversation_manual_push', 'conversation_push']);
  });

  it('still reaches the inactivity timers once the legacy event is gone', () => {
    expect(broadcastsOf(aStatusUpdate())[0]).toMatchObject({
      source: 'drift.retired',
      detail: { type: 'conversation_status_updated' },
    });
  });

  it('pushes with the time of the close', () => {
    expect(dataOf('conversation_manual_push', aStatusUpdate())).toEqual({
      conversationId: 123456789,
      lastUpdated: 1591813767000,
    });
    expect(dataOf('conversation_push', aStatusUpdate())).toEqual({
      conversationId: 123456789,
      lastUpdated: 1591813767000,
      type: 'conversation_manual_push',
      data: { conversationId: 123456789, lastUpdated: 1591813767000 },
    });
  });

  it('gets no mirror: it was broadcast as itself', () => {
    expect(
      typesOf(aStatusUpdate(), instantIn.mirroring).filter((type) => type === 'conversation_status_updated'),
    ).toHaveLength(1);
  });
});

describe('another status', () => {
  it.each(['open', 'pending', 'bulk_sent'])('%s pushes nothing', (status) => {
    expect(typesOf(aStatusUpdate({ status }), instantIn.mirroring)).toEqual(['conversation_status_updated']);
    expect(typesOf(aStatusUpdate({ status }))).toEqual([]);
  });
});

describe('/sync', () => {
  it('is broadcast as itself and as a push', () => {
    expect(typesOf(aSyncCommand())).toEqual(['new_command_message', 'conversation_manual_push', 'conversation_push']);
    expect(dataOf('conversation_manual_push', aSyncCommand())).toEqual({
      conversationId: 123456789,
      lastUpdated: 1591813700000,
    });
  });

  it('is mirrored as a close while mirroring', () => {
    expect(typesOf(aSyncCommand(), instantIn.mirroring)).toEqual([
      'new_command_message',
      'conversation_manual_push',
      'conversation_push',
      'conversation_status_updated',
    ]);
    expect(dataOf('conversation_status_updated', aSyncCommand(), instantIn.mirroring)).toEqual({
      conversationId: 123456789,
      status: 'closed',
      changedAt: 1591813700000,
    });
  });

  it.each(['/sync', ' /sync\n', '<p>/sync</p>', '<p><b>/sync</b> </p>', '<div><br/>/sync</div>'])(
    'is found in %j',
    (body) => {
      expect(typesOf(aSyncCommand({ body }))).toContain('conversation_manual_push');
    },
  );

  it.each([
    '<p>/sync&nbsp;</p>',
    '<p>/sync</p>&nbsp;',
    '&nbsp;/sync&#160;&#xA0;',
    '<p>&#47;sync</p>',
    '&sol;sync',
    '/sync\u00a0',
    '\u200b/sync\ufeff',
    '/sync&#8203;&zwnj;&ZeroWidthSpace;',
    '/sync&#x200B;<br>',
    '\u2068/sync\u2069',
    '\u202a/sync\u202c',
    '&lrm;/sync&rlm;',
    '/sync\ufe0f',
    '/Sync',
    '/SYNC',
  ])('is found in %j, as editors and telephones write it', (body) => {
    expect(typesOf(aSyncCommand({ body }))).toContain('conversation_manual_push');
  });

  it.each([
    '/synchronise',
    '/sync now',
    'please /sync',
    '',
    '/ sync',
    '&amp;#47;sync',
    '&#x110000;/sync&#9999999999;',
    '&constructor;/sync',
    '&__proto__;/sync',
  ])('is not found in %j', (body) => {
    expect(typesOf(aSyncCommand({ body }))).toEqual(['new_command_message']);
  });

  it('counts only when a user of Drift typed it', () => {
    expect(typesOf(aSyncCommand({ author: { type: 'contact', id: 1, bot: false } }))).toEqual(['new_command_message']);
    expect(typesOf(aSyncCommand({ author: null }))).toEqual(['new_command_message']);
  });

  it('counts only as a command: the same text also arrives as a message', () => {
    expect(typesOf({ ...aSyncCommand(), type: 'new_message' })).toEqual(['new_message']);
  });

  it('is read in linear time from a body of many brackets', () => {
    expect(typesOf(aSyncCommand({ body: '<'.repeat(200_000) }))).toEqual(['new_command_message']);
  });
});

describe('what Drift itself derives', () => {
  it.each([
    ['conversation_manual_push', { ...anInactivity(), type: 'conversation_manual_push' }],
    ['conversation_inactive', anInactivity()],
  ])('%s is a cause like any other', (type, event) => {
    expect(typesOf(event)).toEqual([type, 'conversation_push']);
    expect(typesOf(event, instantIn.mirroring)).toEqual([type, 'conversation_push', 'conversation_status_updated']);
    expect(dataOf('conversation_push', event)).toEqual({
      conversationId: 123456789,
      lastUpdated: 1591813767000,
      type,
      data: { lastUpdated: 1591813767000, conversationId: 123456789 },
    });
  });

  it('conversation_push is superseded: each cause makes its own', () => {
    const event = { ...anInactivity(), type: eventTypes.conversationPush };
    expect(deriveBroadcasts(event, instantIn.removed, publishedLegacyTimeline)).toEqual({
      kind: 'superseded',
      broadcasts: [],
    });
  });

  it('a manual push without a time still pushes, with its arrival as the time', () => {
    const event = { orgId: '1', type: 'conversation_manual_push', data: { conversationId: 5 } };
    expect(dataOf('conversation_push', event, instantIn.removed)).toMatchObject({
      conversationId: 5,
      lastUpdated: instantIn.removed,
    });
  });

  it("Drift's own example mirrors as Drift's own example says", () => {
    const [, , mirror] = broadcastsOf(anInactivity(), instantIn.mirroring);
    const { orgId, type, data } = mirror?.detail ?? {};
    expect(JSON.stringify({ orgId, type, data })).toBe(
      '{"orgId":1,"type":"conversation_status_updated","data":{"conversationId":123456789,"status":"closed","changedAt":1591813767000}}',
    );
  });
});

describe('a conversation id', () => {
  it('as a text of digits is the same id, in a push as in a timer', () => {
    const ofNumber = broadcastsOf(aStatusUpdate({ conversationId: 5 }));
    const ofText = broadcastsOf(aStatusUpdate({ conversationId: '5' }));
    expect(ofText.map(({ detail }) => detail.id)).toEqual(ofNumber.map(({ detail }) => detail.id));
    expect(ofText.slice(1).map(({ detail }) => detail.data)).toEqual(
      ofNumber.slice(1).map(({ detail }) => detail.data),
    );
    expect(ofText[0]?.detail.data.conversationId).toBe('5');
  });

  it.each([null, { a: 1 }, [5], 5.5, 'none', '', '5 ', '--5', '-', '9223372036854775808', undefined])(
    '%j is none: the event goes out as itself alone',
    (conversationId) => {
      for (const event of [
        aStatusUpdate({ conversationId } as JsonObject),
        aSyncCommand({ conversationId } as JsonObject),
        anInactivity({ conversationId } as JsonObject),
        { ...anInactivity({ conversationId } as JsonObject), type: 'conversation_manual_push' },
      ]) {
        expect(deriveBroadcasts(event, instantIn.mirroring, publishedLegacyTimeline)).toMatchObject({
          broadcasts: [{ detail: { type: event.type, data: event.data } }],
        });
      }
    },
  );

  it('that is none makes no two facts one', () => {
    const ids = [null, { a: 1 }, { a: 2 }, 5.5, 'a', 'b'].map(
      (conversationId) => broadcastsOf(aMessage({ conversationId } as JsonObject))[0]?.detail.id,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('anything else', () => {
  it.each(['new_conversation', 'new_message', 'contact_identified', 'something_drift_invents_tomorrow'])(
    '%s goes out as itself',
    (type) => {
      expect(typesOf({ ...aMessage(), type })).toEqual([type]);
    },
  );

  it('keeps 64-bit ids to the last digit, in what is derived too', () => {
    const data = parseJson('{"conversationId":9007199254740993,"status":"closed","changedAt":1591813767000}');
    const event = aStatusUpdate(data as never, '9223372036854775807');
    for (const { detail } of broadcastsOf(event, instantIn.mirroring)) {
      const text = JSON.stringify(detail);
      expect(text).toContain('9007199254740993');
      expect(text).not.toContain('9007199254740992');
      expect(text).toContain('"orgId":9223372036854775807');
    }
  });
});

describe('times', () => {
  it("an event's own time counts", () => {
    expect(broadcastsOf(aMessage({ createdAt: 1_000 }), 5_000)[0]?.detail.occurredAt).toBe(1_000);
  });

  it('a time in the future is clamped to the arrival', () => {
    expect(broadcastsOf(aMessage({ createdAt: 65_001 }), 5_000)[0]?.detail.occurredAt).toBe(5_000);
  });

  it.each([50, 5_000, 60_000])('%i ms in the future is not: a post that is repeated has the time it had', (ahead) => {
    const message = aMessage({ createdAt: 5_000 + ahead });
    expect(broadcastsOf(message, 5_000)[0]?.detail.occurredAt).toBe(5_000 + ahead);
    expect(broadcastsOf(message, 5_000 + 11 * 60_000)[0]?.detail.occurredAt).toBe(5_000 + ahead);
  });

  it('of a close far in the future is that of its arrival in what follows from it', () => {
    const changedAt = instantIn.mirroring + 24 * 3_600_000;
    expect(dataOf('conversation_push', aStatusUpdate({ changedAt }), instantIn.mirroring)).toMatchObject({
      lastUpdated: instantIn.mirroring,
      data: { lastUpdated: instantIn.mirroring },
    });
    const inactive = anInactivity({ lastUpdated: changedAt });
    expect(dataOf('conversation_status_updated', inactive, instantIn.mirroring)).toMatchObject({
      changedAt: instantIn.mirroring,
    });
  });

  it('in seconds is read as what it is', () => {
    const inSeconds = aStatusUpdate({ changedAt: 1591813767 });
    expect(broadcastsOf(inSeconds, instantIn.mirroring)[0]?.detail.occurredAt).toBe(1591813767000);
    expect(dataOf('conversation_manual_push', inSeconds, instantIn.mirroring)).toEqual({
      conversationId: 123456789,
      lastUpdated: 1591813767000,
    });
    const idsOf = (event: Parameters<typeof broadcastsOf>[0]) =>
      broadcastsOf(event, instantIn.mirroring).map(({ detail }) => detail.id);
    expect(idsOf(inSeconds)).toEqual(idsOf(aStatusUpdate()));
  });

  it.each<[string, string, JsonObject]>([
    ['new_message', 'createdAt', aMessage().data],
    ['new_command_message', 'createdAt', aSyncCommand().data],
    ['button_clicked', 'createdAt', { conversationId: 123456789, body: 'Talk to sales' }],
    ['new_conversation', 'createdAt', { id: 123456789, status: 'open' }],
    ['conversation_status_updated', 'changedAt', aStatusUpdate().data],
    ['conversation_inactive', 'lastUpdated', anInactivity().data],
    ['conversation_manual_push', 'lastUpdated', { conversationId: null }],
    ['conversation_participant_added', 'changedAt', { conversationId: 123456789, addedParticipants: [243266] }],
    ['contact_updated', 'timestamp', { endUserId: 903182234 }],
  ])('in seconds or in milliseconds makes one fact of %s', (type, field, data) => {
    const idsOf = (time: number) =>
      broadcastsOf({ orgId: '1', type, data: { ...data, [field]: time } }, instantIn.mirroring).map(
        ({ detail }) => detail.id,
      );
    expect(idsOf(1591813767)).toEqual(idsOf(1591813767000));
    expect(idsOf(1591813768)).not.toEqual(idsOf(1591813767000));
  });

  it.each([undefined, null, 'yesterday', -1, 1.5])('without a usable time (%j) the arrival counts', (createdAt) => {
    expect(broadcastsOf(aMessage({ createdAt: createdAt as never }), 5_000)[0]?.detail.occurredAt).toBe(5_000);
  });
});

describe('ids', () => {
  const idsOf = (...args: Parameters<typeof broadcastsOf>): string[] =>
    broadcastsOf(...args).map(({ detail }) => detail.id);

  it('are the same when the same fact is posted again later', () => {
    for (const event of [
      aMessage(),
      aSyncCommand(),
      aStatusUpdate(),
      anInactivity(),
      { ...aMessage(), type: 'phone_captured' },
    ]) {
      expect(idsOf(event, instantIn.mirroring + 60_000)).toEqual(idsOf(event, instantIn.mirroring));
    }
  });

  it.each([
    ['a close', aStatusUpdate({ changedAt: 'noon' })],
    ['a /sync', aSyncCommand({ createdAt: 0.5 })],
    ['a manual push', { ...anInactivity({ lastUpdated: null }), type: 'conversation_manual_push' }],
    ['a manual push beyond a double', { ...anInactivity({ lastUpdated: 2 ** 60 }), type: 'conversation_manual_push' }],
  ])('are the same when %s without a usable time is posted again later', (_name, event) => {
    expect(idsOf(event, instantIn.mirroring + 60_000)).toEqual(idsOf(event, instantIn.mirroring));
  });

  it.each([
    ['a manual push', { orgId: '1', type: 'conversation_manual_push', data: { conversationId: 5 } }],
    ['a close', aStatusUpdate({ changedAt: null })],
    ['a contact who opts out', { orgId: '1', type: 'user_unsubscribed', data: { id: 77 } }],
    ['a type that nobody knows', { orgId: '1', type: 'invented_tomorrow', data: {} }],
    ['a type with the name of a property', { orgId: '1', type: 'constructor', data: {} }],
  ])('are new where %s without a time comes again on another day', (_name, event) => {
    const first = idsOf(event, instantIn.mirroring);
    expect(idsOf(event, instantIn.mirroring + 60_000)).toEqual(first);
    expect(idsOf(event, instantIn.mirroring + 24 * 3_600_000).filter((id) => first.includes(id))).toEqual([]);
  });

  it('are the same for a post that is repeated later, where the far future stands in it', () => {
    const event = aStatusUpdate({ changedAt: instantIn.mirroring + 24 * 3_600_000 });
    expect(idsOf(event, instantIn.mirroring + 3_600_000)).toEqual(idsOf(event, instantIn.mirroring));
  });

  const soon = instantIn.mirroring + 90_000;
  it.each([
    ['a close', aStatusUpdate({ changedAt: soon })],
    ['a /sync', aSyncCommand({ createdAt: soon })],
    ['a manual push', { ...anInactivity({ lastUpdated: soon }), type: 'conversation_manual_push' }],
    ['an inactivity', anInactivity({ lastUpdated: soon })],
  ])('are the same when %s that came from the future is posted again once its time has come', (_name, event) => {
    expect(idsOf(event, soon)).toEqual(idsOf(event, instantIn.mirroring));
  });

  it('are the same for a post with its keys in another order', () => {
    const event = { orgId: '1', type: 'contact_identified', data: { id: 1, attributes: { a: 1, b: 2 } } };
    const reordered = { orgId: '1', type: 'contact_identified', data: { attributes: { b: 2, a: 1 }, id: 1 } };
    expect(idsOf(event)).toEqual(idsOf(reordered));
  });

  it('differ between all events of one cause', () => {
    for (const event of [aSyncCommand(), aStatusUpdate(), anInactivity()]) {
      const ids = idsOf(event, instantIn.mirroring);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  // Receivers remember them, so they are a contract: these never change.
  const time = 1591813767000;
  it.each<[string, Parameters<typeof broadcastsOf>[0], string[]]>([
    ['a message', aMessage(), ['msg_w2osy-iDuVcsMvI3aaMpi0m5x6s']],
    [
      'a /sync',
      aSyncCommand(),
      [
        'msg_YDLgRwIkMXuAcgKE7z4-s7Gf5HU',
        'msg_1cF7Szw5rye17OHZg1LCdqgG3Nc',
        'msg_38McMOalz81Pc-b-12s49fsgBkA',
        'msg_SuJvOyFMSaMIspxKUD2aLbhtvb4',
      ],
    ],
    [
      'a close',
      aStatusUpdate(),
      ['msg_FwfBaLC6RkQskv5WfxPRKYcJVvo', 'msg_F6i7l73bt-gqldxhQHndQbGJIec', 'msg_CstWUGS6XdLadl-wiUeKI-75auU'],
    ],
    [
      'an inactivity',
      anInactivity(),
      ['msg_RYg5aa9Ew7ggNQObHlVue286ZvY', 'msg_rEsACdXn4O3we3ekO_zq3XHXDbc', 'msg_mbElyhd-a_O4ysCiOv0wtLMzKcM'],
    ],
    [
      'a manual push',
      { orgId: '1', type: 'conversation_manual_push', data: { conversationId: 123456789, lastUpdated: time } },
      ['msg_F6i7l73bt-gqldxhQHndQbGJIec', 'msg_CstWUGS6XdLadl-wiUeKI-75auU', 'msg_FwfBaLC6RkQskv5WfxPRKYcJVvo'],
    ],
    [
      'a new conversation',
      { orgId: '1', type: 'new_conversation', data: { id: 123456789, createdAt: time } },
      ['msg_12RK_y0bqzogkAl6HGHoIm_D764'],
    ],
    [
      'a button without an id',
      {
        orgId: '1',
        type: 'button_clicked',
        data: { conversationId: 123456789, body: 'Talk to sales', createdAt: time },
      },
      ['msg_XoSnqr0RSvfWvxKRpM7kLZWz6Lc'],
    ],
    [
      'a contact',
      { orgId: '1', type: 'contact_updated', data: { endUserId: 903182234, timestamp: time } },
      ['msg_fEyHEmu1TnOTAWtdrWsbivCTfeY'],
    ],
  ])('with times in milliseconds are what they have always been: %s', (_, event, ids) => {
    expect(idsOf(event, instantIn.mirroring)).toEqual(ids);
  });

  it('differ between organisations, conversations, messages and edits of a message', () => {
    const ids = [
      aMessage(),
      aMessage({}, '2'),
      aMessage({ conversationId: 2 }),
      aMessage({ id: 2 }),
      aMessage({ type: 'edit' }),
      aMessage({ type: 'edit', body: 'b' }),
      aMessage({ type: 'edit', body: 'c' }),
      aMessage({ type: 'edit', body: 'c', createdAt: driftSampleInstant + 3000 }),
      aMessage({ type: 'edit', body: 'c', editedMessageId: 9 }),
      aMessage({ body: 'b' }),
      { ...aMessage(), type: 'new_command_message' },
    ].map((event) => idsOf(event)[0]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("do not double what Drift derives too: its manual push has our push's ids", () => {
    const ours = new Set(idsOf(aStatusUpdate(), instantIn.mirroring));
    const drifts = idsOf({ ...anInactivity(), type: 'conversation_manual_push' }, instantIn.mirroring);
    expect(drifts.filter((id) => !ours.has(id))).toEqual([]);
  });

  it('keep the mirror of a quiet period apart from the mirror of a /sync at the same instant', () => {
    const at = 1591813700000;
    const mirrorOf = (event: Parameters<typeof broadcastsOf>[0]) =>
      broadcastsOf(event, instantIn.mirroring + 3_600_000).at(-1)?.detail;
    const ofSync = mirrorOf(aSyncCommand({ createdAt: at }));
    const ofQuiet = mirrorOf(anInactivity({ lastUpdated: at }));
    expect(ofSync?.data).toEqual(ofQuiet?.data);
    expect(ofSync?.id).not.toBe(ofQuiet?.id);
  });

  it('have no dot, which would break the signed content', () => {
    for (const id of idsOf(aSyncCommand(), instantIn.mirroring)) expect(id).toMatch(/^msg_[A-Za-z0-9_-]{27}$/);
  });
});
