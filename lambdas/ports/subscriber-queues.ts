/** The queues of subscribers, for whoever puts an event into one directly. */
export interface SubscriberQueues {
  /** Envelopes as JSON texts. False: the subscriber has no queue (yet). Throws where some could not be put. */
  put(subscriptionId: string, envelopes: readonly string[]): Promise<boolean>;
}
