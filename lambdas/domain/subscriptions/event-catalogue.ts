import { eventTypes, operationalEventTypes } from '../events/event-types.ts';
import {
  formatLegacyTimeline,
  type LegacyPhase,
  type LegacyTimeline,
  legacyPhaseAt,
} from '../events/legacy-timeline.ts';
import { legacyReplacements } from './legacy-entitlement.ts';

export interface SubscribableEvent {
  readonly type: string;
  readonly origin: 'drift' | 'derived' | 'operational';
  readonly description: string;
  readonly legacy?: {
    readonly phase: LegacyPhase;
    readonly openToNewSubscribers: boolean;
    readonly replacements: readonly string[];
    readonly timeline: Readonly<Record<string, string>>;
  };
}

const descriptions: Readonly<Record<string, string>> = {
  [eventTypes.newConversation]: 'A visitor starts a conversation.',
  [eventTypes.newMessage]: 'Any message, those of bots and private notes included.',
  [eventTypes.newCommandMessage]: 'A message that begins with /; it also comes as new_message.',
  [eventTypes.conversationStatusUpdated]: "A conversation's status changes.",
  [eventTypes.conversationInactive]: "A conversation was quiet for its organisation's quiet period.",
  [eventTypes.conversationManualPush]: 'A conversation was closed, or /sync was typed in it.',
  [eventTypes.conversationPush]:
    'Comes with each conversation_inactive and conversation_manual_push: one stream for both.',
  [eventTypes.conversationParticipantAdded]: 'Somebody joins a conversation.',
  [eventTypes.conversationParticipantRemoved]: 'Somebody leaves a conversation.',
  [eventTypes.buttonClicked]: 'A button in the chat is clicked.',
  [eventTypes.contactIdentified]: 'A contact gives an e-mail address.',
  [eventTypes.contactUpdated]: 'An attribute of a contact changes.',
  [eventTypes.phoneCaptured]: 'A contact gives a telephone number.',
  [eventTypes.newMeeting]: 'A meeting is booked.',
  [eventTypes.meetingUpdated]: 'A meeting is changed.',
  [eventTypes.playbookGoalMet]: 'A goal of a playbook is met.',
  [eventTypes.userAvailabilityUpdated]: "An agent's availability changes.",
  [eventTypes.userUnsubscribed]: 'A contact opts out of e-mail.',
  [eventTypes.chatToCall]: 'A chat becomes a call.',
  [eventTypes.gdprDeleteRequested]: 'A contact asks to be deleted.',
  [eventTypes.appDisconnected]: 'The app is disconnected from Drift.',
  [operationalEventTypes.subscriptionFailing]: "A subscription's endpoint fails.",
  [operationalEventTypes.subscriptionDisabled]: 'A subscription was disabled.',
  [operationalEventTypes.deliveryExhausted]: 'All attempts to deliver an event have failed.',
  [operationalEventTypes.deliveryRecovered]: 'Deliveries to a failing endpoint succeed again.',
};

const derived: readonly string[] = legacyReplacements;

/** What can be subscribed to, with what is left of the legacy event's time. `now` in epoch ms. */
export function subscribableEvents(now: number, timeline: LegacyTimeline): SubscribableEvent[] {
  const phase = legacyPhaseAt(now, timeline);
  const ofDrift = Object.values(eventTypes).map(
    (type): SubscribableEvent => ({
      type,
      origin: derived.includes(type) ? 'derived' : 'drift',
      description: descriptions[type] ?? '',
      ...(type === eventTypes.conversationStatusUpdated
        ? {
            legacy: {
              phase,
              openToNewSubscribers: phase === 'announced',
              replacements: legacyReplacements,
              timeline: formatLegacyTimeline(timeline),
            },
          }
        : {}),
    }),
  );
  const operational = Object.values(operationalEventTypes).map(
    (type): SubscribableEvent => ({ type, origin: 'operational', description: descriptions[type] ?? '' }),
  );
  return [...ofDrift, ...operational];
}
