import type { JsonObject } from '../../json/json.ts';
import type { ReadFields } from './subscription-fields.ts';

/** The `config` record of a subscription: what people write, through the API or straight into the table. */
export interface SubscriptionConfig extends ReadFields {
  /** `sub_…` when the API made it; otherwise what the person chose: 1 to 40 of `A-Z a-z 0-9 _ -`. */
  readonly subscriptionId: string;
  /** Newest first. Absent when a person wrote the item without one: then `state` holds a generated one. */
  readonly secrets?: readonly SigningSecret[];
  /**
   * ISO 8601. Another value than before gives the endpoint another chance: `PATCH {"status": "active"}` sets it. Whatever
   * the system has decided (a rest, an open circuit, disabled, next attempts) is lifted.
   */
  readonly resumedAt?: string;
  /** ISO 8601. */
  readonly createdAt?: string;
  readonly updatedAt?: string;
}

export interface SigningSecret {
  /** `whsec_` and base64 (HMAC-SHA256, `v1`), or `whsk_` and base64 (ed25519 private key, `v1a`). */
  readonly secret: string;
  /** Epoch milliseconds from which on it no longer signs: the overlap of a rotation. Absent: never. */
  readonly expiresAt?: number;
}

/** The `state` record: what the system writes. `provision` and the delivery functions each update their own attributes. */
export interface SubscriptionState {
  readonly subscriptionId: string;
  readonly provisioning: 'pending' | 'ready' | 'rejected';
  /** Why it was rejected, or what provisioning waits for. Names the field. */
  readonly reason?: string;
  /** Made when `config` has none. */
  readonly generatedSecrets?: readonly SigningSecret[];
  /**
   * When it was accepted with `conversation_status_updated`, while that was open to new subscribers, epoch ms: it may
   * keep it. Written by `provision` alone, and removed when the subscription drops the event.
   */
  readonly legacyAcceptedAt?: number;
  /**
   * When it was first provisioned, epoch ms. What the ledger has from before belonged to another subscription, which had
   * the same id and was deleted (see `isOfPredecessor`).
   */
  readonly acceptedAt?: number;
  /** The etag (config-etag.ts) of the config that is in force. */
  readonly appliedConfig?: string;
  /** When its queue was last made again, having been deleted by somebody, epoch ms: what waited in the one before is gone. */
  readonly queueMadeAgainAt?: number;
  /** The hash (endpoint-hash.ts) of `url`, `status` and `resumedAt` that were last put in force. */
  readonly appliedEndpoint?: string;
  /** Since when what waits in the ledger for its next attempt is to be tried at once, epoch ms; until it is done. */
  readonly retryNowSince?: number;
  /** Updates of its route that AWS does not keep (routes/route-plan.ts `RepeatedUpdates`). */
  readonly repeatedUpdates?: { readonly fingerprint: string; readonly times: number; readonly at: number };
  /** Set when deliveries were stopped by the system: 410, the subscriber's wish, or days of failure. */
  readonly disabled?: { readonly at: number; readonly reason: string };
  /** No attempts before this instant (epoch ms): the endpoint asked for it with 429, 502, 503 or 504. */
  readonly throttledUntil?: number;
  /** First failure since the last success, epoch ms. Absent: healthy. See endpoint-health.ts for this and what follows. */
  readonly failingSince?: number;
  readonly lastFailureAt?: number;
  /** Failed attempts since the last success. */
  readonly failures?: number;
  /** Which notices of this failing streak were published: see endpoint-health.ts `FailingNotice`. */
  readonly failingNotice?: number;
  /** Written when a failing streak ends, not with every success: a healthy endpoint costs no write. */
  readonly lastSuccessAt?: number;
  readonly circuit?: Circuit;
  /** Replays that were called off (`replay-name`): their messages are acknowledged without an attempt. */
  readonly cancelledReplays?: readonly string[];
}

/** The endpoint's circuit breaker; absent: closed. All times epoch ms. */
export type Circuit =
  /** No attempts but single probes; the next is due at `probeAt`. `probes`: how many failed so far. */
  | {
      readonly state: 'open';
      readonly reason: 'failing' | 'throttled';
      readonly since: number;
      readonly probeAt: number;
      readonly probes: number;
    }
  /** Delivering again, at a rate that rises with the time since `since`. `probes` is kept, in case it opens again. */
  | { readonly state: 'ramping'; readonly since: number; readonly probes: number };

/** The two records of a subscription. `config` is the item as it is stored, which anybody may have written. */
export interface StoredSubscription {
  readonly subscriptionId: string;
  readonly config?: JsonObject;
  readonly state?: SubscriptionState;
}
