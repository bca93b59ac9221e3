import type { JsonObject } from '../lambdas/json/json.ts';
import { subscriptionPath } from './api-path.ts';
import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';
import type { Session } from './session.ts';

const lookDelayMs = 500;

export type Waited =
  | { readonly kind: 'ready'; readonly subscription: JsonObject }
  | { readonly kind: 'rejected' | 'timed-out'; readonly subscription: JsonObject; readonly failure: CommandFailed };

/** Looks until what is configured is in force, or was rejected, or the time is up. */
export async function untilReady(
  { api, surroundings: { clock, sleep } }: Session,
  subscriptionId: string,
  timeoutSeconds: number,
): Promise<Waited> {
  const deadline = clock() + timeoutSeconds * 1000;
  for (;;) {
    const { body: subscription } = await api.send({
      method: 'GET',
      path: subscriptionPath(subscriptionId),
    });
    const { provisioning, reason } = subscription;
    if (provisioning === 'ready') return { kind: 'ready', subscription };
    const because = typeof reason === 'string' ? `: ${reason}` : '';
    if (provisioning === 'rejected') {
      const failure = new CommandFailed(exitCodes.negative, `${subscriptionId} was rejected${because}`);
      return { kind: 'rejected', subscription, failure };
    }
    if (clock() >= deadline) {
      const failure = new CommandFailed(
        exitCodes.stillWaiting,
        `${subscriptionId} is not ready after ${timeoutSeconds} s${because}`,
        `It goes on by itself; see: fanout subscriptions show ${subscriptionId}`,
      );
      return { kind: 'timed-out', subscription, failure };
    }
    await sleep(lookDelayMs);
  }
}
