import {
  CancelReplayCommand,
  DescribeReplayCommand,
  type EventBridgeClient,
  IllegalStatusException,
  LimitExceededException,
  ListReplaysCommand,
  type Replay,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  StartReplayCommand,
} from '@aws-sdk/client-eventbridge';
import type { ReplayProgress, Replays } from '../manage/ports.ts';

interface Options {
  readonly client: EventBridgeClient;
  readonly archiveArn: string;
  readonly eventBusName: string;
}

/** Pages of a list that are read: names begin with the subscription's id, so there are few. */
const maxPages = 5;

export function eventBridgeReplays({ client, archiveArn, eventBusName }: Options): Replays {
  // arn:aws:events:eu-central-1:123456789012:archive/name
  const account = archiveArn.slice(0, archiveArn.indexOf(':archive/'));

  return {
    async start({ name, ruleName, from, to }) {
      try {
        await client.send(
          new StartReplayCommand({
            ReplayName: name,
            EventSourceArn: archiveArn,
            EventStartTime: new Date(from),
            EventEndTime: new Date(to),
            Destination: {
              Arn: `${account}:event-bus/${eventBusName}`,
              FilterArns: [`${account}:rule/${eventBusName}/${ruleName}`],
            },
          }),
        );
        return { kind: 'started' };
      } catch (error) {
        if (error instanceof LimitExceededException) return { kind: 'too-many' };
        // The name is this replay's own: an earlier run of the same request has started it.
        if (error instanceof ResourceAlreadyExistsException) return { kind: 'started' };
        throw error;
      }
    },

    async describe(name) {
      try {
        return progressOf(await client.send(new DescribeReplayCommand({ ReplayName: name })));
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },

    async list(namePrefix) {
      const found: ReplayProgress[] = [];
      let NextToken: string | undefined;
      for (let page = 0; page < maxPages; page++) {
        const result = await client.send(
          new ListReplaysCommand({ NamePrefix: namePrefix, ...(NextToken === undefined ? {} : { NextToken }) }),
        );
        found.push(...(result.Replays ?? []).map(progressOf));
        NextToken = result.NextToken;
        if (NextToken === undefined) break;
      }
      return found.sort((one, other) => (other.startedAt ?? 0) - (one.startedAt ?? 0));
    },

    async cancel(name) {
      try {
        await client.send(new CancelReplayCommand({ ReplayName: name }));
        return true;
      } catch (error) {
        if (error instanceof ResourceNotFoundException || error instanceof IllegalStatusException) return false;
        throw error;
      }
    },
  };
}

function progressOf(replay: Replay): ReplayProgress {
  const times = {
    from: replay.EventStartTime,
    to: replay.EventEndTime,
    lastReplayedAt: replay.EventLastReplayedTime,
    startedAt: replay.ReplayStartTime,
    endedAt: replay.ReplayEndTime,
  };
  return {
    name: replay.ReplayName ?? '',
    state: (replay.State ?? 'STARTING').toLowerCase() as ReplayProgress['state'],
    ...(replay.StateReason === undefined ? {} : { reason: replay.StateReason }),
    ...Object.fromEntries(
      Object.entries(times).flatMap(([key, time]) => (time === undefined ? [] : [[key, time.getTime()]])),
    ),
  };
}
