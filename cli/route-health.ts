import { isJsonObject, type JsonObject } from '../lambdas/json/json.ts';
import type { ApiClient } from './api-client.ts';
import { subscriptionPath } from './api-path.ts';
import type { DeployedStack } from './aws/deployed-stack.ts';
import type { RouteParts } from './aws/route-parts.ts';
import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';
import { readPages } from './pages.ts';
import { isHealthy } from './subscription-text.ts';

const showsAtOnce = 10;

/** All subscriptions as the API shows them, with `healthy`, and with `route`, what AWS says of it, where the stack is known. */
export async function readRouteHealth(api: ApiClient, stack: DeployedStack | undefined): Promise<JsonObject[]> {
  const shown = await showAll(api);
  const parts = stack && (await partsOf(stack, shown));
  return shown.map((body) => {
    const route = parts?.get(String(body.subscriptionId));
    const withRoute = route === undefined ? body : { ...body, route: { ...route } };
    return { ...withRoute, healthy: isHealthy(withRoute) };
  });
}

/** Undefined: it was deleted after it was listed. A rejected one that cannot be an id is as the list has it. */
async function showUnlessGone(api: ApiClient, item: JsonObject): Promise<JsonObject | undefined> {
  if (item.status === 'rejected') return item;
  try {
    return (await api.send({ method: 'GET', path: subscriptionPath(String(item.subscriptionId)) })).body;
  } catch (error) {
    if (error instanceof CommandFailed && error.exitCode === exitCodes.notFound) return undefined;
    throw error;
  }
}

async function showAll(api: ApiClient): Promise<JsonObject[]> {
  const limit = Number.POSITIVE_INFINITY;
  const { items } = await readPages(api, '/v1/subscriptions', 'subscriptions', { limit });
  const shown: JsonObject[] = [];
  for (let start = 0; start < items.length; start += showsAtOnce) {
    const shows = items.slice(start, start + showsAtOnce).map((item) => showUnlessGone(api, item));
    shown.push(...(await Promise.all(shows)).filter((body) => body !== undefined));
  }
  return shown;
}

async function partsOf(stack: DeployedStack, shown: readonly JsonObject[]): Promise<ReadonlyMap<string, RouteParts>> {
  const { readRouteParts } = await import('./aws/route-parts.ts');
  const idsOf = (some: readonly JsonObject[]) => some.map(({ subscriptionId }) => String(subscriptionId));
  const waiting = shown.filter(
    ({ queue }) => isJsonObject(queue) && Number(queue.waiting) + Number(queue.inFlight) > 0,
  );
  return readRouteParts(stack, {
    ids: idsOf(shown.filter(({ status }) => status !== 'rejected')),
    waiting: idsOf(waiting),
    stuck: idsOf(waiting.filter(({ status }) => status === 'active')),
  });
}
