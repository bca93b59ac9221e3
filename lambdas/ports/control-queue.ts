import type { ControlMessage } from '../domain/deliveries/endpoint-health.ts';

/** Messages to `provision`, from delivery functions and from itself. */
export interface ControlQueue {
  /** Throws where some could not be handed over. `delaySeconds`: whole, 0 to 900. */
  send(messages: readonly DelayedMessage[]): Promise<void>;
}

export interface DelayedMessage {
  readonly message: SubscriptionMessage | TearDownMessage;
  readonly delaySeconds: number;
}

export type SubscriptionMessage = ControlMessage & {
  /** How often it was tried before, where it could not be carried out at once. */
  readonly attempt?: number | undefined;
  /** How often it found another run at work. */
  readonly waits?: number | undefined;
  /** Of the run over all subscriptions, which also looks for what was lost or has become old. */
  readonly hourly?: boolean | undefined;
  /** Epoch ms: when somebody changed the url or the status, as the table's stream has it. */
  readonly endpointChangedAt?: number | undefined;
};

/**
 * Carries on with a teardown that one invocation could not finish. It says nothing of what is torn down, and whom to answer:
 * every delivery function may send to this queue, so only what the gate holds counts.
 */
export interface TearDownMessage {
  readonly action: 'tear-down';
}
