import type { Command } from 'commander';
import { replayNamedAt } from '../lambdas/domain/deliveries/replay.ts';
import type { JsonObject } from '../lambdas/json/json.ts';
import { deliveryPath } from './api-path.ts';
import { CommandFailed } from './command-failed.ts';
import { lastAnswer } from './delivery-text.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { type Printer, shortTime } from './printer.ts';
import type { Session } from './session.ts';
import { withWait } from './wait-options.ts';

const lookDelayMs = 500;

export function withResendWait(command: Command): Command {
  return withWait(command, 'wait until it was tried, and say how that ended');
}

/** One that the API has put into the queue of a subscription. */
export interface QueuedResend {
  readonly subscriptionId: string;
  readonly webhookId: string;
  readonly replayName: string;
}

/** The deliveries by subscription, as the attempt of each resend has left them; one that was not tried in time is missing. */
export async function untilTried(
  { api, surroundings: { clock, sleep } }: Session,
  resends: readonly QueuedResend[],
  timeoutSeconds: number,
): Promise<ReadonlyMap<string, JsonObject>> {
  const tried = new Map<string, JsonObject>();
  const deadline = clock() + timeoutSeconds * 1000;
  for (;;) {
    for (const resend of resends.filter(({ subscriptionId }) => !tried.has(subscriptionId))) {
      const delivery = await deliveryOf(api, resend);
      if (delivery !== undefined && wasTried(delivery, resend)) tried.set(resend.subscriptionId, delivery);
    }
    if (tried.size === resends.length || clock() >= deadline) return tried;
    await sleep(lookDelayMs);
  }
}

/** Undefined: there is none yet. */
async function deliveryOf(
  api: Session['api'],
  { subscriptionId, webhookId }: QueuedResend,
): Promise<JsonObject | undefined> {
  try {
    return (await api.send({ method: 'GET', path: deliveryPath(subscriptionId, webhookId) })).body;
  } catch (error) {
    if (error instanceof CommandFailed && error.exitCode === exitCodes.notFound) return undefined;
    throw error;
  }
}

/** Whoever asks for an event once more gets one attempt after they asked, whichever message brings it. */
function wasTried({ replayName, lastAttemptAt }: JsonObject, resend: QueuedResend): boolean {
  const askedAt = replayNamedAt(resend.replayName);
  return (
    replayName === resend.replayName || (typeof lastAttemptAt === 'string' && Date.parse(lastAttemptAt) >= askedAt)
  );
}

/** How a resend ended, in words. `delivery` undefined: it was not tried in time. */
export function triedText(delivery: JsonObject | undefined): string {
  if (delivery === undefined) return 'waiting';
  const { state, nextAttemptAt } = delivery;
  const next = nextAttemptAt === undefined ? '' : `; tried again at ${shortTime(nextAttemptAt)} UTC`;
  const how = state === 'delivered' ? 'delivered' : state === 'retrying' ? 'failed' : `failed (${String(state)})`;
  return `${how}: ${lastAnswer(delivery)}${next}`;
}

/** The same for a script, as `subscriptions test` says it. */
export function triedJson(delivery: JsonObject | undefined): JsonObject {
  return delivery === undefined ? { outcome: 'waiting' } : { outcome: delivery.state ?? null, delivery };
}

export function noticeUntried(
  printer: Printer,
  resends: readonly QueuedResend[],
  tried: ReadonlyMap<string, JsonObject>,
  timeoutSeconds: number,
): void {
  for (const { subscriptionId: id, webhookId } of resends.filter((one) => !tried.has(one.subscriptionId))) {
    printer.notice(`Not tried within ${timeoutSeconds} s; see later: fanout deliveries show ${id} ${webhookId}`);
  }
}

/** Of several: one that failed counts more than one that was not tried in time. */
export function triedExitCode(resends: readonly QueuedResend[], tried: ReadonlyMap<string, JsonObject>): ExitCode {
  if ([...tried.values()].some(({ state }) => state !== 'delivered')) return exitCodes.negative;
  return tried.size < resends.length ? exitCodes.stillWaiting : exitCodes.ok;
}
