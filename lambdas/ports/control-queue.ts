import type { ControlMessage } from '../domain/endpoint-health.ts';

/** Tells `provision` what a subscription's route needs; see domain/endpoint-health.ts. */
export interface ControlQueue {
  send(message: ControlMessage, delaySeconds?: number): Promise<void>;
}
