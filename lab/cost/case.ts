import { defaultMaxConcurrency } from '../../lambdas/domain/deliveries/endpoint-health.ts';
import { defaultEventHistoryDays } from '../../lambdas/domain/history/recorded-event.ts';
import type { Units } from './units.ts';

/** What a person knows of their load. */
export interface Case {
  /** Posts of Drift in a second, on average over the month; 0: nothing happens. */
  readonly rate: number;
  /** Subscribers that get a post, on average. */
  readonly fanOut: number;
  /** Of an event on the bus. */
  readonly eventBytes: number;
  /** What a subscriber takes to answer, and with how much. */
  readonly answerMs: number;
  readonly answerBytes: number;
  readonly subscribers: number;
  readonly messagesPerConversation: number;
  /** Of all attempts, so many fail and are made again. */
  readonly failingPercent: number;
  /** Of each subscription (docs/subscriptions.md). */
  readonly maxConcurrency: number;
  readonly windowSeconds: number;
  readonly historyDays: number;
  /** Functions that begin traces do. */
  readonly traces: boolean;
  /** Tables lie under a key of the account: AWS's for it, or one of the customer's own. */
  readonly tableKey: 'aws-owned' | 'aws-managed' | 'customer';
  /** Days of the archive that are replayed in a month, and looks into the logs of a day. */
  readonly replayedDays: number;
  readonly logQueries: number;
}

/** The defaults; what the product decides is as it is deployed by default. */
export function defaultCase({ template }: Units): Case {
  return {
    rate: 1,
    fanOut: 1,
    eventBytes: 400,
    answerMs: 100,
    answerBytes: 60,
    subscribers: 1,
    messagesPerConversation: 6,
    failingPercent: 0,
    maxConcurrency: defaultMaxConcurrency,
    windowSeconds: 0,
    historyDays: defaultEventHistoryDays,
    traces: template.tracesByDefault,
    tableKey: template.isKeyOfAccount ? 'aws-managed' : 'aws-owned',
    replayedDays: 0,
    logQueries: 0,
  };
}
