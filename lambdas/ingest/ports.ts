/** The verification tokens that Drift may send: the current one, and during a rotation the previous one. */
export interface DriftTokens {
  /** `afresh`: not from memory; asked for when a token did not fit, in case it has just been rotated. */
  accepted(options?: { readonly afresh?: boolean }): Promise<readonly string[]>;
}
