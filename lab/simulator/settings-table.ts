import type { QuietPeriods } from '../../lambdas/inactivity/ports.ts';
import type { SettingsStore } from '../../lambdas/manage/ports.ts';
import type { Invocation } from './invocation.ts';

/** The quiet periods that organisations set, and since when they hold. */
export class SettingsTable {
  readonly #seconds = new Map<string, number>();
  readonly #changes = new Map<string, { since: number; seconds: number }[]>();
  readonly #defaultSeconds: number;
  readonly #now: () => number;
  readonly #startedAt: number;

  constructor(defaultSeconds: number, now: () => number) {
    this.#defaultSeconds = defaultSeconds;
    this.#now = now;
    this.#startedAt = now();
  }

  /** What held from when on; the first from the beginning. */
  changesOf(orgId: string): readonly { readonly since: number; readonly seconds: number }[] {
    return [{ since: this.#startedAt, seconds: this.#defaultSeconds }, ...(this.#changes.get(orgId) ?? [])];
  }

  quietPeriodsFor(invocation: Invocation): QuietPeriods {
    return {
      ofOrgs: (orgIds) =>
        invocation.call(
          'BatchGetItem settings',
          () => new Map(orgIds.map((orgId) => [orgId, this.#seconds.get(orgId) ?? this.#defaultSeconds])),
        ),
    };
  }

  storeFor(invocation: Invocation): SettingsStore {
    return {
      quietPeriodSeconds: (orgId) => invocation.call('GetItem settings', () => this.#seconds.get(orgId)),
      setQuietPeriodSeconds: (orgId, seconds) =>
        invocation.call('PutItem settings', () => {
          if (seconds === undefined) this.#seconds.delete(orgId);
          else this.#seconds.set(orgId, seconds);
          const changes = this.#changes.get(orgId) ?? [];
          changes.push({ since: this.#now(), seconds: seconds ?? this.#defaultSeconds });
          this.#changes.set(orgId, changes);
        }),
    };
  }
}
