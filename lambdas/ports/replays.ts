/** Replays what the bus's archive holds, to one subscriber's rule. */
export interface Replays {
  /** `too-many`: the quota of replays under way is reached; wait for one to end. Times in epoch ms. */
  start(replay: {
    readonly name: string;
    readonly ruleName: string;
    readonly from: number;
    readonly to: number;
  }): Promise<{ readonly kind: 'started' } | { readonly kind: 'too-many' }>;
  /** Undefined: there is none of that name (EventBridge forgets them after 90 days). */
  describe(name: string): Promise<ReplayProgress | undefined>;
  /** Those whose names begin so, newest first. */
  list(namePrefix: string): Promise<readonly ReplayProgress[]>;
  /** False: there is none under way. */
  cancel(name: string): Promise<boolean>;
}

export interface ReplayProgress {
  readonly name: string;
  readonly state: 'starting' | 'running' | 'cancelling' | 'completed' | 'cancelled' | 'failed';
  readonly reason?: string;
  /** Epoch ms, as all of these. The stretch of time whose events are replayed. */
  readonly from?: number;
  readonly to?: number;
  /** Up to where it has come. */
  readonly lastReplayedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
}
