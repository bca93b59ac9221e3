import type { RouteLease, RouteLeases, Unsettled } from '../../../lambdas/provision/ports.ts';

/** Which run works on which subscription. */
export class InMemoryLeases implements RouteLeases {
  readonly leases = new Map<string, Unsettled & { readonly holder?: string; readonly until?: number }>();

  async take(subscriptionId: string, { holder, now, until }: RouteLease): Promise<Unsettled | undefined> {
    const { holder: other, until: heldUntil = 0, ...unsettled } = this.leases.get(subscriptionId) ?? {};
    if (other !== undefined && other !== holder && heldUntil >= now) return undefined;
    this.leases.set(subscriptionId, { ...unsettled, holder, until });
    return unsettled;
  }

  async release(subscriptionId: string, holder: string, unsettled: Unsettled): Promise<void> {
    if (this.leases.get(subscriptionId)?.holder !== holder) return;
    if (Object.keys(unsettled).length === 0) this.leases.delete(subscriptionId);
    else this.leases.set(subscriptionId, unsettled);
  }
}
