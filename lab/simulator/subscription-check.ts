import { configEtag } from '../../lambdas/domain/subscriptions/config-etag.ts';
import type { SubscriptionState } from '../../lambdas/domain/subscriptions/subscription.ts';
import type { JsonObject, JsonValue } from '../../lambdas/json/json.ts';
import { type ExpectedSubscription, isWanted, readExpectedSubscription } from './expected-subscription.ts';
import type { Invocation } from './invocation.ts';
import type { Violations } from './violations.ts';

/** A config as it was stored, or its deletion. */
interface Version {
  readonly from: number;
  /** Undefined: deleted, or an item that makes no sense. */
  readonly wish: ExpectedSubscription | undefined;
  readonly isDeleted: boolean;
  readonly etag: string;
  /** When the system first said that it is in force. */
  readyAt?: number;
  /** From here on nothing that was under way can undo it. */
  settledAt?: number;
  /** Runs of provision that were disturbed since. */
  faults: number;
  /** Hourly runs that were missed since. */
  missedReconciles: number;
}

/** A change that is not in force after so long is lost, and not late. */
const maxProvisioningMs = 25 * 60_000;
/** What a run leaves behind that fails or ends early comes again with its control message: after half an hour. */
const provisioningFaultMs = 35 * 60_000;
/** What its control messages have given up waits for the next hourly run. */
const missedReconcileMs = 60 * 60_000;

/**
 * What each subscription asks for, and what of it must be in force. While a change is under way both the old and the new
 * may hold. From the moment at which the system calls it `ready`, and every reconcile that overlapped with it has ended, the
 * new must hold.
 */
export class SubscriptionCheck {
  readonly #versions = new Map<string, Version[]>();
  readonly #states = new Map<string, SubscriptionState>();
  readonly #active = new Set<Invocation>();
  readonly #disturbedEnd = new Map<string, number>();
  readonly #now: () => number;
  readonly #violations: Violations;
  readonly #hasRoute: (subscriptionId: string) => boolean;

  constructor(now: () => number, violations: Violations, hasRoute: (subscriptionId: string) => boolean) {
    this.#now = now;
    this.#violations = violations;
    this.#hasRoute = hasRoute;
  }

  onConfig(subscriptionId: string, config: JsonObject | undefined): void {
    const versions = this.#versions.get(subscriptionId) ?? [];
    this.#versions.set(subscriptionId, versions);
    versions.push({
      from: this.#now(),
      wish: config && readExpectedSubscription(config),
      isDeleted: config === undefined,
      etag: config === undefined ? '' : configEtag({ ...config, record: 'config' }),
      faults: 0,
      missedReconciles: 0,
    });
  }

  onState(subscriptionId: string, state: SubscriptionState | undefined): void {
    if (state === undefined) this.#states.delete(subscriptionId);
    else this.#states.set(subscriptionId, state);
    const version = this.#versions.get(subscriptionId)?.at(-1);
    if (version !== undefined && this.#isClaimed(subscriptionId, version)) version.readyAt ??= this.#now();
  }

  onMissedReconcile(): void {
    for (const versions of this.#versions.values()) {
      const version = versions.at(-1);
      if (version !== undefined && version.readyAt === undefined) version.missedReconciles++;
    }
  }

  onProvisionStart(invocation: Invocation): void {
    this.#active.add(invocation);
  }

  onProvisionEnd(invocation: Invocation): void {
    this.#active.delete(invocation);
    for (const id of invocation.about) {
      if (!invocation.isDisturbed) this.#settle(id, invocation);
      else {
        this.#disturbedEnd.set(id, this.#now());
        const version = this.#versions.get(id)?.at(-1);
        if (version !== undefined) version.faults++;
      }
    }
  }

  #settle(id: string, invocation: Invocation): void {
    const version = this.#versions.get(id)?.at(-1);
    if (version === undefined || version.settledAt !== undefined || !this.#isClaimed(id, version)) return;
    if ([...this.#active].some(({ about }) => about.has(id))) return;
    if (invocation.startedAt < (this.#disturbedEnd.get(id) ?? 0)) return;
    version.readyAt ??= this.#now();
    version.settledAt = this.#now();
  }

  #isClaimed(id: string, version: Version): boolean {
    const state = this.#states.get(id);
    // The state goes first: until the route is gone it may bring what its owner has asked for.
    if (version.isDeleted) return state === undefined && !this.#hasRoute(id);
    return state?.provisioning === 'ready' && state.appliedConfig === version.etag;
  }

  /** Who must get an event that is put on the bus now, and who may. */
  wantedBy(event: {
    readonly source: string;
    readonly type: string;
    readonly orgId: JsonValue;
    readonly data: JsonObject;
  }): { readonly must: string[]; readonly may: string[] } {
    const must: string[] = [];
    const may: string[] = [];
    for (const [id, versions] of this.#versions) {
      const settled = versions.findLastIndex(({ settledAt }) => settledAt !== undefined);
      const possible = versions.slice(Math.max(0, settled));
      const wanted = possible.map(({ wish }) => wish !== undefined && isWanted(wish, event));
      if (wanted.includes(true)) may.push(id);
      if (settled >= 0 && !wanted.includes(false)) must.push(id);
    }
    return { must, may };
  }

  /** It was deleted, once at least, after this instant. */
  wasDeletedAfter(id: string, instant: number): boolean {
    return this.#versions.get(id)?.some(({ isDeleted, from }) => isDeleted && from >= instant) ?? false;
  }

  existing(): string[] {
    return [...this.#versions].filter(([, versions]) => versions.at(-1)?.isDeleted === false).map(([id]) => id);
  }

  checkProgress(): void {
    const now = this.#now();
    for (const [id, versions] of this.#versions) {
      const version = versions.at(-1);
      if (version === undefined) continue;
      // The run that took the last of a deleted one's route away may have been disturbed.
      if (this.#isClaimed(id, version)) version.readyAt ??= now;
      if (version.readyAt !== undefined) continue;
      if (version.wish === undefined && !version.isDeleted) continue;
      const repairMs = version.faults * provisioningFaultMs + version.missedReconciles * missedReconcileMs;
      if (now - version.from <= maxProvisioningMs + repairMs) continue;
      this.#violations.report(
        'a change of a subscription comes into force',
        `${id} ${version.isDeleted ? 'was deleted' : 'was changed'} ${Math.round((now - version.from) / 60_000)} minutes ago, and it is not in force`,
        [id],
      );
    }
  }
}
