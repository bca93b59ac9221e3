import { CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { awsFailure } from '../aws-errors.ts';
import type { DeployedStack } from './deployed-stack.ts';

export interface StackAlarm {
  /** The article of the runbook. */
  readonly article: string;
  /** `OK`, `ALARM`, `INSUFFICIENT_DATA`. */
  readonly state: string;
  /** ISO 8601, UTC: since when it is in that state. */
  readonly since?: string;
  readonly reason?: string;
  /** What users lose, and where to read on. */
  readonly description: string;
}

export async function readAlarms(stack: DeployedStack): Promise<readonly StackAlarm[]> {
  const client = new CloudWatchClient(stack.client);
  const prefix = `${stack.name}-`;
  const all: MetricAlarm[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client
      .send(new DescribeAlarmsCommand({ AlarmNamePrefix: prefix, ...(NextToken === undefined ? {} : { NextToken }) }))
      .catch((error: unknown) => {
        throw awsFailure(error, 'the alarms could not be looked at');
      });
    all.push(...(page.MetricAlarms ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return all.map(
    ({ AlarmName = '', StateValue = '', StateTransitionedTimestamp: since, StateReason, AlarmDescription = '' }) => ({
      article: AlarmName.slice(prefix.length),
      state: StateValue,
      ...(since === undefined ? {} : { since: since.toISOString() }),
      ...(StateReason === undefined || StateReason === '' ? {} : { reason: StateReason }),
      description: AlarmDescription,
    }),
  );
}
