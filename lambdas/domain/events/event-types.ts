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

/** The `source` of an EventBridge entry. */
export const eventSources = {
  /** What subscribers may get: Drift's events and what is derived from them. */
  drift: 'drift',
  /** What Drift still sends but nobody is sent any more (see the legacy timeline): heard by track-activity only. */
  retired: 'drift.retired',
  /** Operational and test events of this system. */
  fanout: 'webhook-fanout',
} as const;

/** A message or a status change moves a conversation's inactivity timer. */
export const activityTypes: readonly string[] = [
  eventTypes.newConversation,
  eventTypes.newMessage,
  eventTypes.newCommandMessage,
  eventTypes.buttonClicked,
  eventTypes.conversationStatusUpdated,
];
