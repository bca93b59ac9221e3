import type { Filling } from '../batches.ts';
import type { Case } from '../case.ts';
import { sampledShare, secondsPerMonth } from '../stated.ts';
import type { Units } from '../units.ts';
import type { Quantities } from '../usage.ts';

/** Of so many in a second, at random moments: the first of each second, and a share of the rest. */
export function recordedShare(perSecond: number): number {
  if (perSecond === 0) return 1;
  const first = (1 - Math.exp(-perSecond)) / perSecond;
  return first + sampledShare * (1 - first);
}

/** In a month. Attempts are parts of the trace of their post. */
export function usageOfTraces(
  { rate, messagesPerConversation, traces, historyDays }: Case,
  filling: Filling,
  units: Units,
): Quantities {
  if (!traces) return {};
  const { timers, template } = units;
  const conversations = rate / messagesPerConversation;
  const timerRuns = timers.firing.runs + (messagesPerConversation > 1 ? timers.rearming.runs : 0);
  const published = rate + conversations * timers.firing.busEvents;
  const perSecond = {
    ingest: rate,
    'track-activity': rate / filling.activity,
    'emit-inactivity': (conversations * timerRuns) / filling.timers,
    'record-events': historyDays === 0 ? 0 : published / filling.history,
  };
  const recorded = Object.entries(perSecond)
    .filter(([name]) => template.traced[name as keyof typeof perSecond])
    .reduce((sum, [, each]) => sum + each * recordedShare(each), 0);
  return { trace: recorded * secondsPerMonth };
}
