import type { LogBuffer } from './log-buffer.ts';
import { createLogBuffer } from './log-buffer.ts';

/** Log groups as CloudWatch has them: what functions wrote, each into its group, and what services write into groups. */
export interface LogGroups {
  has(name: string): boolean;
  add(name: string): void;
  /** A line of a service, an API's access log for one. */
  write(groupName: string, text: string, at: number): void;
  /** Oldest first; `at` in epoch milliseconds. */
  events(groupName: string): readonly LogEvent[];
}

export interface LogEvent {
  readonly streamName: string;
  readonly at: number;
  readonly text: string;
}

export function createLogGroups(
  functionLines: Pick<LogBuffer, 'lines'>,
  groupOfFunction: (functionName: string) => string | undefined,
): LogGroups {
  const names = new Set<string>();
  // A service's lines carry their group where a function's carry its name.
  const serviceLines = createLogBuffer();
  return {
    has: (name) => names.has(name),
    add: (name) => void names.add(name),
    write: (groupName, text, at) =>
      serviceLines.add({ functionName: groupName, requestId: '', stream: 'stdout', text, writtenAt: at }),
    events: (groupName) => [
      ...serviceLines.lines(groupName).map(({ text, writtenAt }) => ({ streamName: 'local', at: writtenAt, text })),
      ...functionLines
        .lines()
        .filter(({ functionName }) => groupOfFunction(functionName) === groupName)
        .map(({ functionName, text, writtenAt }) => ({
          streamName: streamOf(functionName, writtenAt),
          at: writtenAt,
          text,
        })),
    ],
  };
}

/** Of a function whose group was chosen: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html */
function streamOf(functionName: string, at: number): string {
  return `${new Date(at).toISOString().slice(0, 10).replaceAll('-', '/')}/${functionName}[$LATEST]local`;
}
