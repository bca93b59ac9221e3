/** What organisations set for themselves. */
export interface SettingsStore {
  /** Undefined: it set none. */
  quietPeriodSeconds(orgId: string): Promise<number | undefined>;
  /** Undefined: back to the default. */
  setQuietPeriodSeconds(orgId: string, seconds: number | undefined): Promise<void>;
}
