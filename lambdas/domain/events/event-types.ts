/**
 * The names of all events, written once. Source: Drift's webhook documentation and its 2020 page
 * "Webhooks: Deprecating Conversation Status". Types that are not listed here pass through all the same.
 */
export const eventTypes = {
  newConversation: 'new_conversation',
  newMessage: 'new_message',
  newCommandMessage: 'new_command_message',
  conversationStatusUpdated: 'conversation_status_updated',
  conversationInactive: 'conversation_inactive',
  conversationManualPush: 'conversation_manual_push',
  conversationPush: 'conversation_push',
  conversationParticipantAdded: 'conversation_participant_added',
  conversationParticipantRemoved: 'conversation_participant_removed',
  buttonClicked: 'button_clicked',
  contactIdentified: 'contact_identified',
  contactUpdated: 'contact_updated',
  phoneCaptured: 'phone_captured',
  newMeeting: 'new_meeting',
  meetingUpdated: 'meeting_updated',
  playbookGoalMet: 'playbook_goal_met',
  userAvailabilityUpdated: 'user_availability_updated',
  userUnsubscribed: 'user_unsubscribed',
  chatToCall: 'chat_to_call',
  gdprDeleteRequested: 'gdpr_delete_requested',
  appDisconnected: 'app_disconnected',
} as const;

/** Events about deliveries, made by this system; a subscription asks for them like for any other. */
export const operationalEventTypes = {
  subscriptionFailing: 'webhook_subscription_failing',
  subscriptionDisabled: 'webhook_subscription_disabled',
  deliveryExhausted: 'webhook_delivery_exhausted',
  deliveryRecovered: 'webhook_delivery_recovered',
} as const;

/** Sent on request to one subscription, whatever it subscribed to. */
export const testEventType = 'webhook_test';

const ownTypes: ReadonlySet<string> = new Set([...Object.values(operationalEventTypes), testEventType]);

/** Is made by this system alone. Nobody may post it: a subscriber could not tell it from ours. */
export function isOwnType(type: string): boolean {
  return ownTypes.has(type);
}

/** The `source` of an EventBridge entry. */
export const eventSources = {
  /** What subscribers may get: Drift's events and what is derived from them. */
  drift: 'drift',
  /** What Drift still sends but nobody is sent any more (see the legacy timeline): heard by track-activity only. */
  retired: 'drift.retired',
  /** Operational and test events of this system. */
  fanout: 'webhook-fanout',
} as const;

type EventName = (typeof eventTypes)[keyof typeof eventTypes];
type OperationalEventName = (typeof operationalEventTypes)[keyof typeof operationalEventTypes];

/** All that the system knows of an event type. An event that is added here is asked for each of these by the compiler. */
export interface EventRow {
  readonly origin: 'drift' | 'derived';
  /** For people: `GET /v1/event-types`. */
  readonly description: string;
  /** Which member of `data` holds the event's own time in epoch milliseconds; null: it has none, so its arrival counts. */
  readonly timeField: string | null;
  /** Moves its conversation's inactivity timer: a message or a status change. */
  readonly isActivity: boolean;
  /** What makes two posts the same fact and so gives them one `webhook-id`: see webhook-id.ts. */
  readonly identity: 'message' | 'conversation' | 'status' | 'data';
  /** Is what to subscribe to instead of the legacy `conversation_status_updated`. */
  readonly replacesLegacy?: true;
}

export const eventRows = {
  [eventTypes.newConversation]: {
    origin: 'drift',
    description: 'A visitor starts a conversation.',
    timeField: 'createdAt',
    isActivity: true,
    identity: 'data',
  },
  [eventTypes.newMessage]: {
    origin: 'drift',
    description: 'Any message, those of bots and private notes included.',
    timeField: 'createdAt',
    isActivity: true,
    identity: 'message',
  },
  [eventTypes.newCommandMessage]: {
    origin: 'drift',
    description: 'A message that begins with /; it also comes as new_message.',
    timeField: 'createdAt',
    isActivity: true,
    identity: 'message',
  },
  [eventTypes.buttonClicked]: {
    origin: 'drift',
    description: 'A button in the chat is clicked.',
    timeField: 'createdAt',
    isActivity: true,
    identity: 'message',
  },
  [eventTypes.conversationStatusUpdated]: {
    origin: 'drift',
    description: "A conversation's status changes.",
    timeField: 'changedAt',
    isActivity: true,
    identity: 'status',
  },
  [eventTypes.conversationManualPush]: {
    origin: 'derived',
    description: 'A conversation was closed, or /sync was typed in it.',
    timeField: 'lastUpdated',
    isActivity: false,
    identity: 'conversation',
    replacesLegacy: true,
  },
  [eventTypes.conversationInactive]: {
    origin: 'derived',
    description: "A conversation was quiet for its organisation's quiet period.",
    timeField: 'lastUpdated',
    isActivity: false,
    identity: 'conversation',
    replacesLegacy: true,
  },
  [eventTypes.conversationPush]: {
    origin: 'derived',
    description: 'Comes with each conversation_inactive and conversation_manual_push: one stream for both.',
    timeField: 'lastUpdated',
    isActivity: false,
    identity: 'data',
    replacesLegacy: true,
  },
  [eventTypes.conversationParticipantAdded]: {
    origin: 'drift',
    description: 'Somebody joins a conversation.',
    timeField: 'changedAt',
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.conversationParticipantRemoved]: {
    origin: 'drift',
    description: 'Somebody leaves a conversation.',
    timeField: 'changedAt',
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.contactIdentified]: {
    origin: 'drift',
    description: 'A contact gives an e-mail address.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.contactUpdated]: {
    origin: 'drift',
    description: 'An attribute of a contact changes.',
    timeField: 'timestamp',
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.phoneCaptured]: {
    origin: 'drift',
    description: 'A contact gives a telephone number.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.newMeeting]: {
    origin: 'drift',
    description: 'A meeting is booked.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.meetingUpdated]: {
    origin: 'drift',
    description: 'A meeting is changed.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.playbookGoalMet]: {
    origin: 'drift',
    description: 'A goal of a playbook is met.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.userAvailabilityUpdated]: {
    origin: 'drift',
    description: "An agent's availability changes.",
    timeField: 'updatedAt',
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.userUnsubscribed]: {
    origin: 'drift',
    description: 'A contact opts out of e-mail.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.chatToCall]: {
    origin: 'drift',
    description: 'A chat becomes a call.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.gdprDeleteRequested]: {
    origin: 'drift',
    description: 'A contact asks to be deleted.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
  [eventTypes.appDisconnected]: {
    origin: 'drift',
    description: 'The app is disconnected from Drift.',
    timeField: null,
    isActivity: false,
    identity: 'data',
  },
} as const satisfies Record<EventName, EventRow>;

/** For people. An operational event is never posted to us, so there is no more to say of it. */
export const operationalEventDescriptions = {
  [operationalEventTypes.subscriptionFailing]: "A subscription's endpoint fails.",
  [operationalEventTypes.subscriptionDisabled]: 'A subscription was disabled.',
  [operationalEventTypes.deliveryExhausted]: 'All attempts to deliver an event have failed.',
  [operationalEventTypes.deliveryRecovered]: 'Deliveries to a failing endpoint succeed again.',
} as const satisfies Record<OperationalEventName, string>;

const rowsByName = new Map<string, EventRow>(Object.entries(eventRows));

/** Undefined: a type that nobody knows yet. It passes through all the same. */
export function eventRow(type: string): EventRow | undefined {
  return rowsByName.get(type);
}

function typesWhere(holds: (row: EventRow) => boolean): readonly string[] {
  return [...rowsByName].filter(([, row]) => holds(row)).map(([type]) => type);
}

/** What moves a conversation's inactivity timer. */
export const activityTypes = typesWhere(({ isActivity }) => isActivity);

/** What to subscribe to instead of the legacy event. */
export const legacyReplacements = typesWhere(({ replacesLegacy }) => replacesLegacy === true);
