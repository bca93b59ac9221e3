import type {
  ArchiveDescription,
  EventBuses,
  ReplayDescription,
  RuleDescription,
  RuleTarget,
} from '../engine/event-bus.ts';
import { type EventEntry, entrySizeBytes } from '../engine/event-envelope.ts';
import { type Input, membersOf, onePage, refuseOtherMembers } from './request-members.ts';
import { AwsError, type AwsService } from './service.ts';

const maxEntries = 10;
const largestRequestBytes = 256 * 1024;
const maxInPage = 100;

/** EventBridge's operations, as far as the functions and the scripts call them. */
export function eventBridgeService({ buses }: { readonly buses: EventBuses }): AwsService {
  const page = <T>(input: Input, items: readonly T[]) => {
    const { optional } = membersOf(input);
    return onePage(items, optional.number('Limit') ?? maxInPage, optional.text('NextToken'));
  };
  const named = (input: Input) => {
    const { optional, required } = membersOf(input);
    return {
      name: required('Name', optional.text('Name')),
      bus: optional.text('EventBusName'),
    };
  };
  const ruleNamed = (input: Input) => {
    const { optional, required } = membersOf(input);
    return { rule: required('Rule', optional.text('Rule')), bus: optional.text('EventBusName') };
  };

  return {
    name: 'events',
    operations: {
      PutEvents(input, { traceHeader }) {
        refuseOtherMembers(input, ['Entries'], 'PutEvents');
        const entries = (membersOf(input).optional.objects('Entries') ?? []).map((entry) =>
          readEntry(entry, traceHeader),
        );
        if (entries.length < 1 || entries.length > maxEntries) {
          throw invalid(`Parameter Entries is not valid. Reason: it must have 1 to ${maxEntries} entries`);
        }
        const bytes = entries.reduce((sum, entry) => sum + entrySizeBytes(entry), 0);
        if (bytes > largestRequestBytes) throw invalid('Total size of the entries in the request is over the limit');
        const answers = buses.putEvents(entries);
        return {
          FailedEntryCount: answers.filter(({ kind }) => kind === 'refused').length,
          Entries: answers.map((answer) =>
            answer.kind === 'accepted'
              ? { EventId: answer.eventId }
              : { ErrorCode: answer.errorCode, ErrorMessage: answer.errorMessage },
          ),
        };
      },
      TestEventPattern(input) {
        const { optional, required } = membersOf(input);
        const pattern = required('EventPattern', optional.text('EventPattern'));
        return { Result: buses.testEventPattern(pattern, required('Event', optional.text('Event'))) };
      },
      DescribeEventBus(input) {
        const { name, arn, description, createdAt } = buses.bus(membersOf(input).optional.text('Name'));
        return {
          Name: name,
          Arn: arn,
          CreationTime: createdAt / 1000,
          ...(description === undefined ? {} : { Description: description }),
        };
      },
      ListEventBuses(input) {
        const prefix = membersOf(input).optional.text('NamePrefix') ?? '';
        const { page: some, next } = page(
          input,
          buses.listBuses().filter(({ name }) => name.startsWith(prefix)),
        );
        return { EventBuses: some.map(({ name, arn }) => ({ Name: name, Arn: arn })), NextToken: next };
      },

      PutRule(input) {
        const { optional, wrong } = membersOf(input);
        const state = optional.text('State');
        if (state !== undefined && state !== 'ENABLED' && state !== 'DISABLED') {
          throw wrong('State', `the local run knows ENABLED and DISABLED, not ${state}`);
        }
        const { ruleArn } = buses.putRule({
          ...named(input),
          eventPattern: optional.text('EventPattern'),
          scheduleExpression: optional.text('ScheduleExpression'),
          state,
          description: optional.text('Description'),
          roleArn: optional.text('RoleArn'),
          tags: readTags(input),
        });
        return { RuleArn: ruleArn };
      },
      DescribeRule(input) {
        const { name, bus } = named(input);
        return ruleView(buses.describeRule(name, bus));
      },
      ListRules(input) {
        const { optional } = membersOf(input);
        const rules = buses.listRules(optional.text('EventBusName'), optional.text('NamePrefix'));
        const { page: some, next } = page(input, rules);
        return { Rules: some.map(ruleView), NextToken: next };
      },
      DeleteRule(input) {
        const { name, bus } = named(input);
        buses.deleteRule(name, bus);
        return {};
      },
      EnableRule(input) {
        const { name, bus } = named(input);
        buses.enableRule(name, bus);
        return {};
      },
      DisableRule(input) {
        const { name, bus } = named(input);
        buses.disableRule(name, bus);
        return {};
      },
      PutTargets(input) {
        const { optional, required } = membersOf(input);
        const { rule, bus } = ruleNamed(input);
        buses.putTargets(rule, required('Targets', optional.objects('Targets')).map(readTarget), bus);
        return { FailedEntryCount: 0, FailedEntries: [] };
      },
      RemoveTargets(input) {
        const { optional, required } = membersOf(input);
        const { rule, bus } = ruleNamed(input);
        buses.removeTargets(rule, required('Ids', optional.texts('Ids')), bus);
        return { FailedEntryCount: 0, FailedEntries: [] };
      },
      ListTargetsByRule(input) {
        const { rule, bus } = ruleNamed(input);
        const { page: some, next } = page(input, buses.listTargets(rule, bus));
        return { Targets: some.map(targetView), NextToken: next };
      },
      ListRuleNamesByTarget(input) {
        const { optional, required } = membersOf(input);
        const targetArn = required('TargetArn', optional.text('TargetArn'));
        const { page: some, next } = page(input, buses.ruleNamesByTarget(targetArn, optional.text('EventBusName')));
        return { RuleNames: some, NextToken: next };
      },

      CreateArchive(input) {
        refuseOtherMembers(
          input,
          ['ArchiveName', 'EventSourceArn', 'Description', 'EventPattern', 'RetentionDays'],
          'CreateArchive',
        );
        const { optional, required } = membersOf(input);
        const archive = buses.createArchive({
          name: required('ArchiveName', optional.text('ArchiveName')),
          eventSourceArn: required('EventSourceArn', optional.text('EventSourceArn')),
          ...present('description', optional.text('Description')),
          ...present('eventPattern', optional.text('EventPattern')),
          ...present('retentionDays', optional.number('RetentionDays')),
        });
        return { ArchiveArn: archive.arn, State: archive.state, CreationTime: archive.createdAt / 1000 };
      },
      DescribeArchive(input) {
        const { optional, required } = membersOf(input);
        return archiveView(buses.describeArchive(required('ArchiveName', optional.text('ArchiveName'))));
      },
      ListArchives(input) {
        const prefix = membersOf(input).optional.text('NamePrefix') ?? '';
        const { page: some, next } = page(
          input,
          buses.listArchives().filter(({ name }) => name.startsWith(prefix)),
        );
        return { Archives: some.map(archiveView), NextToken: next };
      },
      StartReplay(input) {
        const { optional, required, wrong } = membersOf(input);
        const destination = membersOf(required('Destination', optional.object('Destination')));
        const destinationArn = destination.optional.text('Arn');
        if (destinationArn === undefined) throw wrong('Destination.Arn', 'it is required');
        const replay = buses.startReplay({
          name: required('ReplayName', optional.text('ReplayName')),
          eventSourceArn: required('EventSourceArn', optional.text('EventSourceArn')),
          destinationArn,
          startTime: required('EventStartTime', optional.time('EventStartTime')),
          endTime: required('EventEndTime', optional.time('EventEndTime')),
          ...present('filterArns', destination.optional.texts('FilterArns')),
          ...present('description', optional.text('Description')),
        });
        return { ReplayArn: replay.arn, State: replay.state, ReplayStartTime: replay.startedAt / 1000 };
      },
      DescribeReplay(input) {
        const { optional, required } = membersOf(input);
        const replay = buses.describeReplay(required('ReplayName', optional.text('ReplayName')));
        const { filterArns, destinationArn, description } = replay;
        return {
          ...replayView(replay),
          ReplayArn: replay.arn,
          Destination: { Arn: destinationArn, ...present('FilterArns', filterArns) },
          ...present('Description', description),
        };
      },
      ListReplays(input) {
        const { optional } = membersOf(input);
        const replays = buses.listReplays({
          namePrefix: optional.text('NamePrefix'),
          state: optional.text('State'),
          eventSourceArn: optional.text('EventSourceArn'),
        });
        const { page: some, next } = page(input, replays);
        return { Replays: some.map(replayView), NextToken: next };
      },
      CancelReplay(input) {
        const { optional, required } = membersOf(input);
        const replay = buses.cancelReplay(required('ReplayName', optional.text('ReplayName')));
        return { ReplayArn: replay.arn, State: replay.state };
      },

      TagResource(input) {
        const tags = tagsOf(buses, input);
        for (const [key, value] of Object.entries(readTags(input))) tags.set(key, value);
        return {};
      },
      UntagResource(input) {
        const { optional, required } = membersOf(input);
        const tags = tagsOf(buses, input);
        for (const key of required('TagKeys', optional.texts('TagKeys'))) tags.delete(key);
        return {};
      },
      ListTagsForResource: (input) => ({
        Tags: [...tagsOf(buses, input)].map(([Key, Value]) => ({ Key, Value })),
      }),
    },
  };
}

/** An entry's own trace header goes before that of the request. */
function readEntry(input: Input, requestTraceHeader: string | undefined): EventEntry {
  refuseOtherMembers(
    input,
    ['Time', 'Source', 'Resources', 'DetailType', 'Detail', 'EventBusName', 'TraceHeader'],
    'An entry of PutEvents',
  );
  const { optional } = membersOf(input);
  return {
    ...present('source', optional.text('Source')),
    ...present('detailType', optional.text('DetailType')),
    ...present('detail', optional.text('Detail')),
    ...present('time', optional.time('Time')),
    ...present('resources', optional.texts('Resources')),
    ...present('bus', optional.text('EventBusName')),
    ...present('traceHeader', optional.text('TraceHeader') ?? requestTraceHeader),
  };
}

function readTarget(input: Input): RuleTarget {
  refuseOtherMembers(input, ['Id', 'Arn', 'RoleArn', 'Input', 'DeadLetterConfig', 'RetryPolicy'], 'A target');
  const { optional, required } = membersOf(input);
  const deadLetter = membersOf(optional.object('DeadLetterConfig') ?? {}).optional;
  const retry = membersOf(optional.object('RetryPolicy') ?? {}).optional;
  return {
    id: required('Id', optional.text('Id')),
    arn: required('Arn', optional.text('Arn')),
    ...present('roleArn', optional.text('RoleArn')),
    ...present('input', optional.text('Input')),
    ...present('deadLetterArn', deadLetter.text('Arn')),
    ...present('maximumEventAgeSeconds', retry.number('MaximumEventAgeInSeconds')),
    ...present('maximumRetryAttempts', retry.number('MaximumRetryAttempts')),
  };
}

function targetView(target: RuleTarget): object {
  const retryPolicy = {
    ...present('MaximumRetryAttempts', target.maximumRetryAttempts),
    ...present('MaximumEventAgeInSeconds', target.maximumEventAgeSeconds),
  };
  return {
    Id: target.id,
    Arn: target.arn,
    ...present('RoleArn', target.roleArn),
    ...present('Input', target.input),
    ...(target.deadLetterArn === undefined ? {} : { DeadLetterConfig: { Arn: target.deadLetterArn } }),
    ...(Object.keys(retryPolicy).length === 0 ? {} : { RetryPolicy: retryPolicy }),
  };
}

function ruleView(rule: RuleDescription): object {
  return {
    Name: rule.name,
    Arn: rule.arn,
    State: rule.state,
    EventBusName: rule.busName,
    ...present('EventPattern', rule.eventPattern),
    ...present('ScheduleExpression', rule.scheduleExpression),
    ...present('Description', rule.description),
    ...present('RoleArn', rule.roleArn),
  };
}

function archiveView(archive: ArchiveDescription): object {
  return {
    ArchiveArn: archive.arn,
    ArchiveName: archive.name,
    EventSourceArn: archive.eventSourceArn,
    State: archive.state,
    RetentionDays: archive.retentionDays,
    EventCount: archive.eventCount,
    SizeBytes: archive.sizeBytes,
    CreationTime: archive.createdAt / 1000,
    ...present('Description', archive.description),
    ...present('EventPattern', archive.eventPattern),
  };
}

function replayView(replay: ReplayDescription): object {
  return {
    ReplayName: replay.name,
    EventSourceArn: replay.eventSourceArn,
    State: replay.state,
    EventStartTime: replay.startTime / 1000,
    EventEndTime: replay.endTime / 1000,
    ReplayStartTime: replay.startedAt / 1000,
    ...(replay.lastReplayedTime === undefined ? {} : { EventLastReplayedTime: replay.lastReplayedTime / 1000 }),
    ...(replay.endedAt === undefined ? {} : { ReplayEndTime: replay.endedAt / 1000 }),
  };
}

function tagsOf(buses: EventBuses, input: Input): Map<string, string> {
  const { optional, required } = membersOf(input);
  return buses.tagsOf(required('ResourceARN', optional.text('ResourceARN')));
}

function readTags(input: Input): Readonly<Record<string, string>> {
  const tags = membersOf(input).optional.objects('Tags') ?? [];
  return Object.fromEntries(
    tags.map((tag) => {
      const { optional, required } = membersOf(tag);
      return [required('Tags.Key', optional.text('Key')), required('Tags.Value', optional.text('Value'))];
    }),
  );
}

function present<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationException', `${message}.`);
}
