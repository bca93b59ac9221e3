import type { JsonObject } from '../../json/json.ts';
import { eventTypes, operationalEventTypes } from './event-types.ts';

/** An event as a subscriber gets it. */
export interface EventExample {
  readonly orgId: number | null;
  readonly type: string;
  readonly data: JsonObject;
}

/**
 * What an event's `data` looks like: a JSON Schema for each field that is documented (by Drift, or by us for what is made
 * here), and an example. Values of Drift's events are invented but for those of its page of 2020.
 */
interface Shape {
  readonly fields: Readonly<Record<string, JsonObject>>;
  /** Always there: of what is made here. What Drift sends is passed on as it comes. */
  readonly required?: readonly string[];
  readonly example: JsonObject;
}

const id = { type: 'integer' };
const text = { type: 'string' };
const time = { type: 'integer', description: 'Epoch milliseconds.' };
const oneOf = (...values: readonly string[]): JsonObject => ({ type: 'string', enum: [...values] });
const listOf = (items: JsonObject): JsonObject => ({ type: 'array', items });
const object = (properties: JsonObject = {}): JsonObject => ({ type: 'object', properties });

const message = {
  id,
  orgId: id,
  conversationId: id,
  body: { type: 'string', description: 'Can be HTML.' },
  type: { type: 'string', description: 'chat, private_note; older: edit, private_prompt, suggestion.' },
  author: object({ id, type: oneOf('contact', 'user'), bot: { type: 'boolean' } }),
  createdAt: time,
};
const contact = { id, createdAt: time, attributes: object() };
const meeting = {
  agentId: id,
  orgId: id,
  schedulerId: id,
  eventId: text,
  slug: text,
  slotStart: time,
  slotEnd: time,
  scheduledAt: time,
  conversationId: id,
};
const quiet = { conversationId: id, lastUpdated: time };

const conversationId = 123456789;
const contactId = 903182234;
const userId = 243266;
const aTime = 1591813167000;
const pushed = { conversationId, lastUpdated: 1591813767000 };
const aContact = { type: 'contact', id: contactId, bot: false };
const aMeeting = {
  agentId: userId,
  orgId: 1,
  schedulerId: 7,
  eventId: 'e1',
  slug: 'demo',
  slotStart: 1591900000000,
  slotEnd: 1591901800000,
  scheduledAt: aTime,
  conversationId,
};
const unknown: Shape = { fields: {}, example: {} };

type KnownType =
  | (typeof eventTypes)[keyof typeof eventTypes]
  | (typeof operationalEventTypes)[keyof typeof operationalEventTypes];

const shapes = {
  [eventTypes.newConversation]: {
    fields: {
      id,
      orgId: id,
      status: oneOf('open', 'pending', 'closed', 'bulk_sent'),
      contactId: id,
      inboxId: id,
      participants: listOf(id),
      createdAt: time,
    },
    example: {
      id: conversationId,
      orgId: 1,
      status: 'open',
      contactId,
      inboxId: 116983,
      participants: [userId],
      createdAt: 1591813000000,
    },
  },
  [eventTypes.newMessage]: {
    fields: message,
    example: {
      id: 635760549,
      orgId: 1,
      conversationId,
      body: '<p>Hi, do you ship to Norway?</p>',
      author: aContact,
      type: 'chat',
      createdAt: aTime,
    },
  },
  [eventTypes.newCommandMessage]: {
    fields: message,
    example: {
      id: 635760551,
      orgId: 1,
      conversationId,
      body: '<p>/sync</p>',
      author: { type: 'user', id: userId, bot: false },
      type: 'private_note',
      createdAt: 1591813700000,
    },
  },
  [eventTypes.buttonClicked]: {
    fields: message,
    example: { conversationId, body: 'Talk to sales', author: { type: 'contact', id: contactId }, createdAt: aTime },
  },
  [eventTypes.conversationStatusUpdated]: {
    fields: {
      conversationId: id,
      status: oneOf('open', 'pending', 'closed', 'bulk_sent'),
      changedAt: time,
    },
    example: { conversationId, status: 'closed', changedAt: 1591813767000 },
  },
  [eventTypes.conversationManualPush]: { fields: quiet, example: pushed },
  [eventTypes.conversationInactive]: { fields: quiet, example: pushed },
  [eventTypes.conversationPush]: {
    fields: {
      ...quiet,
      type: oneOf(eventTypes.conversationManualPush, eventTypes.conversationInactive),
      data: { ...object(quiet), description: 'The data of the event that it comes with.' },
    },
    required: ['conversationId', 'lastUpdated', 'type', 'data'],
    example: { ...pushed, type: eventTypes.conversationManualPush, data: pushed },
  },
  [eventTypes.conversationParticipantAdded]: {
    fields: { conversationId: id, addedParticipants: listOf(id), changedAt: time },
    example: { conversationId, addedParticipants: [userId], changedAt: aTime },
  },
  [eventTypes.conversationParticipantRemoved]: {
    fields: { conversationId: id, removedParticipants: listOf(id), changedAt: time },
    example: { conversationId, removedParticipants: [userId], changedAt: aTime },
  },
  [eventTypes.contactIdentified]: {
    fields: contact,
    example: { id: contactId, createdAt: aTime, attributes: { email: 'ada@example.com' } },
  },
  [eventTypes.contactUpdated]: {
    fields: {
      endUserId: id,
      timestamp: time,
      orgId: id,
      diff: listOf(object({ name: text, previous: {}, updated: {} })),
    },
    example: {
      endUserId: contactId,
      timestamp: aTime,
      orgId: 1,
      diff: [{ name: 'company', previous: '', updated: 'Example' }],
    },
  },
  [eventTypes.phoneCaptured]: {
    fields: { conversationId: id, authorId: id, authorType: text, phoneNumber: text },
    example: { conversationId, authorId: contactId, authorType: 'contact', phoneNumber: '+4722334455' },
  },
  [eventTypes.newMeeting]: { fields: meeting, example: aMeeting },
  [eventTypes.meetingUpdated]: {
    fields: { ...meeting, eventType: text },
    example: { ...aMeeting, eventType: 'cancelled' },
  },
  [eventTypes.playbookGoalMet]: {
    fields: {
      conversationId: id,
      playbookId: id,
      contactId: id,
      goalId: { type: 'string', description: 'A UUID.' },
      goalName: text,
      playbookName: text,
      contactEmail: text,
    },
    example: {
      conversationId,
      playbookId: 5,
      contactId,
      goalId: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
      goalName: 'Booked',
      playbookName: 'Demo',
      contactEmail: 'ada@example.com',
    },
  },
  [eventTypes.userAvailabilityUpdated]: {
    fields: { userId: id, updatedAt: time, availability: text },
    example: { userId, updatedAt: aTime, availability: 'AVAILABLE' },
  },
  [eventTypes.userUnsubscribed]: {
    fields: contact,
    example: { id: contactId, attributes: { email: 'ada@example.com' } },
  },
  [eventTypes.chatToCall]: unknown,
  [eventTypes.gdprDeleteRequested]: unknown,
  [eventTypes.appDisconnected]: unknown,
  [operationalEventTypes.subscriptionFailing]: {
    fields: {
      subscriptionId: text,
      notice: oneOf('circuit-open', 'half-time', 'seventy-percent', 'ninety-percent'),
      failingSince: time,
      disableAt: time,
    },
    required: ['subscriptionId', 'notice', 'failingSince', 'disableAt'],
    example: { subscriptionId: 'sub_1', notice: 'half-time', failingSince: aTime, disableAt: aTime + 432_000_000 },
  },
  [operationalEventTypes.subscriptionDisabled]: {
    fields: { subscriptionId: text, reason: text, disabledAt: time },
    required: ['subscriptionId', 'reason', 'disabledAt'],
    example: { subscriptionId: 'sub_1', reason: 'the receiver is gone (status 410)', disabledAt: aTime },
  },
  [operationalEventTypes.deliveryExhausted]: {
    fields: {
      subscriptionId: text,
      webhookId: text,
      eventType: text,
      outcome: oneOf('exhausted', 'discarded'),
      attempts: { type: 'integer' },
      reason: text,
    },
    required: ['subscriptionId', 'webhookId', 'eventType', 'outcome', 'attempts', 'reason'],
    example: {
      subscriptionId: 'sub_1',
      webhookId: 'msg_5cM2wYhS8lqkC0yq0T0uBv2bR3A',
      eventType: eventTypes.conversationPush,
      outcome: 'exhausted',
      attempts: 16,
      reason: 'all 16 attempts failed',
    },
  },
  [operationalEventTypes.deliveryRecovered]: {
    fields: { subscriptionId: text, failingSince: time, recoveredAt: time },
    required: ['subscriptionId', 'failingSince', 'recoveredAt'],
    example: { subscriptionId: 'sub_1', failingSince: aTime, recoveredAt: aTime + 600_000 },
  },
} as const satisfies Record<KnownType, Shape>;

const shapesByType = new Map<string, Shape>(Object.entries(shapes));
const operational: ReadonlySet<string> = new Set(Object.values(operationalEventTypes));
/** About a delivery of an organisation's event; the other operational events are of none. */
const ofOrganisation: ReadonlySet<string> = new Set([operationalEventTypes.deliveryExhausted]);

/** Undefined for a type that is not known. */
export function exampleOf(type: string): EventExample | undefined {
  const shape = shapesByType.get(type);
  if (shape === undefined) return undefined;
  const isOfNone = operational.has(type) && !ofOrganisation.has(type);
  return { orgId: isOfNone ? null : 1, type, data: shape.example };
}

/** JSON Schema (2020-12) of what a subscriber gets. Further fields are passed on. Undefined for a type that is not known. */
export function schemaOf(type: string): JsonObject | undefined {
  const shape = shapesByType.get(type);
  if (shape === undefined) return undefined;
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['orgId', 'type', 'data'],
    properties: {
      orgId: operational.has(type) ? { type: ['integer', 'null'] } : id,
      type: { const: type },
      data: {
        ...object({ ...shape.fields }),
        ...(shape.required === undefined ? {} : { required: [...shape.required] }),
      },
    },
  };
}
