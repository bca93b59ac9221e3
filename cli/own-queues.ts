/** The stack's own dead-letter queues: how their ids in the template begin, what the commands call them, what lies there. */
export const ownQueues = [
  { logicalId: 'ActivityDeadLetters', name: 'activity', holds: 'activities that could not be noted' },
  { logicalId: 'InactivityTimersDeadLetters', name: 'timers', holds: 'timers that could not be fired' },
  { logicalId: 'EventHistoryDeadLetters', name: 'history', holds: 'events that the history could not take' },
  { logicalId: 'RoutesControlDeadLetters', name: 'control', holds: 'messages to provision' },
  { logicalId: 'RoutesLostChanges', name: 'changes', holds: 'places of changes in the stream of subscriptions' },
] as const;
