import type { Counted } from './counts.ts';
import type { Runs } from './runs.ts';

/** A function has a whole core from this size on, and a part of one below. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const megabytesPerCore = 1769;

/**
 * Processor time of each function as it would be billed, from that of this machine: a line each, to round the figures of
 * lab/cost/stated.ts from. What a warm function took in these few runs, the compiler at work included.
 */
export function computingHere({ oneByOne, fullBatch, firing, template, subscriptionId }: Runs): string[] {
  const { memoryMegabytes } = template;
  const line = (
    name: keyof typeof memoryMegabytes,
    fn: RegExp,
    runs: readonly (readonly [string, Counted])[],
  ): string => {
    const stretch = Math.max(1, megabytesPerCore / memoryMegabytes[name]);
    const each = runs.map(([what, { sum }]) => {
      const invoked = sum('AWS/Lambda Invocations', fn);
      return `${((sum('LocalRun CpuTime', fn) / invoked) * stretch).toFixed(0)} ms a run (${what})`;
    });
    return `${name} at ${memoryMegabytes[name]} MB: ${each.join(', ')}`;
  };
  const single = ['alone', oneByOne.counted] as const;
  const full = [`${fullBatch.messages} messages`, fullBatch.counted] as const;
  return [
    line('ingest', /Ingest/, [single, full]),
    line('track-activity', /TrackActivity/, [[`${oneByOne.posts} messages`, oneByOne.counted], full]),
    line('emit-inactivity', /Emit/, [['alone', firing.counted]]),
    line('record-events', /RecordEvents/, [[`${oneByOne.posts} messages`, oneByOne.counted], full]),
    line('deliver', new RegExp(subscriptionId), [single, full]),
  ];
}
