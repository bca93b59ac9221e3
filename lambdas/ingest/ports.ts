import type { Activity } from '../domain/inactivity/activity.ts';

/** The verification tokens that Drift may send: the current one, and during a rotation the previous one. */
export interface DriftTokens {
  /** `afresh`: not from memory; asked for when a token did not fit, in case it has just been rotated. */
  accepted(options?: { readonly afresh?: boolean }): Promise<readonly string[]>;
}

/** What the timers look at before they fire: what Drift was told is accepted, and may still be on its way to them. */
export interface AcceptedActivities {
  /** An older one than is noted of its kind changes nothing. */
  note(conversationKey: string, activity: Activity): Promise<void>;
}
