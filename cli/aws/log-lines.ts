import { awsFailure } from '../aws-errors.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { createRequestSigner } from './request-signer.ts';

export interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number;
  /** The name of its stream, which has the function's. */
  readonly stream: string;
  readonly text: string;
}

export interface LogQuery {
  readonly groupName: string;
  /** Epoch milliseconds. */
  readonly from: number;
  /** A filter pattern of CloudWatch Logs. */
  readonly filter?: string;
  /** How the name of a line's stream begins. */
  readonly streamPrefix?: string;
}

interface FilterLogEventsAnswer {
  readonly events?: readonly {
    readonly timestamp?: number;
    readonly logStreamName?: string;
    readonly message?: string;
  }[];
  readonly nextToken?: string;
}

/** The name of the group whose id in the template is this, without what CDK adds. */
export async function findLogGroup(stack: DeployedStack, id: string): Promise<string> {
  const groups = await stack.resources('AWS::Logs::LogGroup');
  const found = groups.find(({ logicalId }) => logicalId.slice(0, -8) === id);
  if (found !== undefined) return found.physicalId;
  throw new CommandFailed(exitCodes.notFound, `${stack.name} in ${stack.region} has no log group ${id}`);
}

const patienceMs = 60_000;
const throttledDelaysMs = [500, 2_000, 5_000];

/**
 * The lines of a log group, page by page. CloudWatch Logs is called without an SDK client of its own: it is one operation.
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
 */
export async function* readLogLines(
  { client, region }: DeployedStack,
  { groupName, from, filter, streamPrefix }: LogQuery,
  sleep: (milliseconds: number) => Promise<void>,
): AsyncIterable<readonly LogLine[]> {
  const url = new URL(
    client.endpoint ?? process.env.AWS_ENDPOINT_URL_LOGS ?? process.env.AWS_ENDPOINT_URL ?? endpointOf(region),
  );
  const sign = createRequestSigner({ ...client, region, service: 'logs' });
  let nextToken: string | undefined;
  do {
    const body = new TextEncoder().encode(
      JSON.stringify({
        logGroupName: groupName,
        startTime: from,
        ...(filter === undefined ? {} : { filterPattern: filter }),
        ...(streamPrefix === undefined ? {} : { logStreamNamePrefix: streamPrefix }),
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    const page = await call(body);
    yield (page.events ?? []).map(({ timestamp = 0, logStreamName = '', message = '' }) => ({
      at: timestamp,
      stream: logStreamName,
      text: message.trimEnd(),
    }));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);

  async function call(body: Uint8Array<ArrayBuffer>): Promise<FilterLogEventsAnswer> {
    for (const delayMs of [...throttledDelaysMs, undefined]) {
      const headers = await sign({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.FilterLogEvents' },
        body,
      });
      try {
        const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(patienceMs) });
        const answer = (await response.json()) as FilterLogEventsAnswer & { __type?: string; message?: string };
        if (response.ok) return answer;
        const name = String(answer.__type).replace(/^.*#/, '');
        if (!/Throttling|ServiceUnavailable/.test(name) || delayMs === undefined) {
          throw Object.assign(new Error(answer.message ?? name), { name });
        }
        await sleep(delayMs);
      } catch (error) {
        throw failureOf(error);
      }
    }
    throw new CommandFailed(exitCodes.failed, 'CloudWatch Logs does not answer');
  }

  function failureOf(error: unknown): CommandFailed {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') {
      return new CommandFailed(exitCodes.notFound, `there is no log group ${groupName} in ${region}`);
    }
    return awsFailure(error, `the log group ${groupName} could not be read`);
  }
}

function endpointOf(region: string): string {
  return `https://logs.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`;
}
