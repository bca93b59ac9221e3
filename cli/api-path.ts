import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';

/** `/v1/subscriptions/{id}` and what stands below it. */
export function subscriptionPath(id: string, below = ''): string {
  return `/v1/subscriptions/${segment('subscription id', id)}${below}`;
}

export function orgSettingsPath(orgId: string): string {
  return `/v1/orgs/${segment('organisation id', orgId)}/settings`;
}

/** An empty one, as an unset variable of a shell gives it, would make the path of something else. */
function segment(what: string, text: string): string {
  if (text === '') throw new CommandFailed(exitCodes.usage, `the ${what} is empty`);
  return encodeURIComponent(text);
}

export function deliveryPath(id: string, webhookId: string): string {
  return subscriptionPath(id, `/deliveries/${segment('webhook id', webhookId)}`);
}
