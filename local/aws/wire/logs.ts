import { EngineError, notFound } from '../engine/engine-error.ts';
import { parseLogFilter } from '../metrics/log-filter.ts';
import { MetricError } from '../metrics/metric-error.ts';
import type { LogGroups } from '../runtime/log-groups.ts';
import { Members, onePage, present } from './request-members.ts';
import type { AwsService } from './service.ts';

const invalid = 'InvalidParameterException';
const eventsOnePage = 10_000;

/** CloudWatch Logs, as far as looking for lines goes. */
export function logsService({ groups }: { readonly groups: LogGroups }): AwsService {
  return {
    name: 'logs',
    operations: {
      FilterLogEvents: {
        takes: ['logGroupName', 'logStreamNamePrefix', 'startTime', 'endTime', 'filterPattern', 'limit', 'nextToken'],
        answer(input) {
          const members = new Members(input, invalid);
          const name = members.text('logGroupName');
          if (!groups.has(name)) throw notFound('The specified log group does not exist.');
          const from = members.number('startTime') ?? 0;
          const to = members.number('endTime') ?? Number.POSITIVE_INFINITY;
          const prefix = members.textIfAny('logStreamNamePrefix') ?? '';
          const passes = filterOf(members.textIfAny('filterPattern') ?? '');
          const found = groups
            .events(name)
            .filter(
              ({ at, streamName, text }) => at >= from && at <= to && streamName.startsWith(prefix) && passes(text),
            );
          const limit = members.number('limit') ?? eventsOnePage;
          const { page, next } = onePage(found, limit, members.textIfAny('nextToken'), invalid);
          return {
            events: page.map(({ streamName, at, text }, index) => ({
              eventId: `${at}-${index}`,
              logStreamName: streamName,
              timestamp: at,
              ingestionTime: at,
              message: text,
            })),
            searchedLogStreams: [],
            ...present('nextToken', next),
          };
        },
      },
    },
  };
}

function filterOf(pattern: string): (line: string) => boolean {
  if (pattern === '') return () => true;
  try {
    return parseLogFilter(pattern);
  } catch (error) {
    if (error instanceof MetricError) throw new EngineError(invalid, error.message);
    throw error;
  }
}
