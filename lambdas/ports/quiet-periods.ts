/** The quiet period of each organisation. */
export interface QuietPeriods {
  /** In seconds; an organisation that set none has the default. */
  ofOrgs(orgIds: readonly string[]): Promise<Map<string, number>>;
}
