/**
 * Every metric, its unit and its dimensions, written once: the functions emit them, the dashboard and the alarms read
 * them. `subscriptionId` as a dimension costs one CloudWatch metric per subscriber.
 */
export const metricNamespace = 'WebhookFanout';

/**
 * Every metric also has this dimension: the route prefix (`fanout-prod`), so that the stages of one account are told
 * apart. Every function is given it in this variable, which Powertools and its like read.
 */
export const serviceDimension = 'service';
export const serviceVariable = 'POWERTOOLS_SERVICE_NAME';

export const metrics = {
  /** Posts from Drift that were accepted. */
  EventsReceived: { unit: 'Count', dimensions: [] },
  /** Posts from Drift that were refused, by `reason`. */
  EventsRefused: { unit: 'Count', dimensions: ['reason'] },
  /** Times that Drift's token could not be read; what was read before is used meanwhile. */
  DriftTokenReadFailed: { unit: 'Count', dimensions: [] },
  /** Activities that were accepted and could not be noted for the timers: an inactivity may come although they came in time. */
  ActivityNotNoted: { unit: 'Count', dimensions: [] },
  /** Entries put on the bus. */
  EventsBroadcast: { unit: 'Count', dimensions: [] },
  /** Entries that could not be put on the bus after all retries. */
  PublishFailed: { unit: 'Count', dimensions: [] },
  /** From the second an inactivity timer was due to its event on the bus. */
  InactivityLateness: { unit: 'Milliseconds', dimensions: [] },
  /** Sweeps that ran to their end. */
  SweepCompleted: { unit: 'Count', dimensions: [] },
  /** Timers that a sweep handed to the timers queue. */
  TimersHandedOver: { unit: 'Count', dimensions: [] },
  /** Attempts at a subscriber that failed, by `outcome`: status, timeout, dns, connect, tls, protocol, refused. */
  AttemptsFailed: { unit: 'Count', dimensions: ['subscriptionId', 'outcome'] },
  /** From the event's arrival on the bus to the subscriber's 2xx. Its samples are the deliveries: no other metric counts them. */
  EventToDelivered: { unit: 'Milliseconds', dimensions: ['subscriptionId'] },
  /** Events that are exhausted. */
  DeliveriesExhausted: { unit: 'Count', dimensions: ['subscriptionId'] },
  /** Events that waited in the ledger, or whose message was lost, and that are in their subscriber's queue again. */
  RetriesQueued: { unit: 'Count', dimensions: [] },
  /** Sweeps over what is due in the ledger that ran to their end. */
  DueSweepCompleted: { unit: 'Count', dimensions: [] },
  /** How long the oldest delivery that is due has waited, throttled ones included, where that is a minute or more. */
  OldestDueDelivery: { unit: 'Seconds', dimensions: ['subscriptionId'] },
  /** Messages in the dead-letter queues of all subscribers, counted every five minutes. */
  DeadLetters: { unit: 'Count', dimensions: [] },
  /** Subscribers with events that wait while none is being delivered, though nobody has stopped it; looked at as often. */
  RoutesNotRead: { unit: 'Count', dimensions: [] },
  /** Routes brought to their desired state. */
  RoutesReconciled: { unit: 'Count', dimensions: [] },
  /** Routes that could not be brought there. */
  RoutesFailed: { unit: 'Count', dimensions: [] },
  /** Routes with a difference that an update does not remove; it is tried again once a day. */
  DifferencesLeft: { unit: 'Count', dimensions: [] },
  /** How old a change was that the stream had not brought, when the hourly run found it. */
  OldestUnfollowedChange: { unit: 'Milliseconds', dimensions: [] },
  /** Subscriptions whose item makes no sense. */
  SubscriptionsRejected: { unit: 'Count', dimensions: [] },
} as const satisfies Record<string, { unit: 'Count' | 'Milliseconds' | 'Seconds'; dimensions: readonly string[] }>;

export type MetricName = keyof typeof metrics;
