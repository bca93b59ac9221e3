import { EngineError } from '../engine/engine-error.ts';
import type { EventBuses } from '../engine/event-bus.ts';
import { type EventEntry, entrySizeBytes } from '../engine/event-envelope.ts';
import type { RuleDescription, RuleTarget } from '../engine/event-rule.ts';
import type { ReplayDescription } from '../engine/replay.ts';
import { Members, onePage, present, refuseOtherMembers } from './request-members.ts';
import type { AwsService, Input } from './service.ts';

const maxEntries = 10;
const largestRequestBytes = 256 * 1024;
const maxInPage = 100;

const nameAndBus = ['Name', 'EventBusName'];
const pages = ['Limit', 'NextToken'];

/** EventBridge's operations, as far as the functions and the runbook call them. */
export function eventBridgeService({ buses }: { readonly buses: EventBuses }): AwsService {
  const page = <T>(input: Input, items: readonly T[]) => {
    const members = new Members(input);
    return onePage(items, members.number('Limit') ?? maxInPage, members.textIfAny('NextToken'));
  };
  const named = (input: Input, member = 'Name'): [name: string, bus: string | undefined] => {
    const members = new Members(input);
    return [members.text(member), members.textIfAny('EventBusName')];
  };
  const replayNamed = (input: Input): string => new Members(input).text('ReplayName');

  return {
    name: 'events',
    operations: {
      PutEvents: {
        takes: ['Entries'],
        answer(input, { traceHeader }) {
          const entries = (new Members(input).objects('Entries') ?? []).map((entry) => readEntry(entry, traceHeader));
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
      },

      PutRule: {
        takes: [...nameAndBus, 'EventPattern', 'State', 'Description', 'Tags'],
        answer(input) {
          const members = new Members(input);
          const [name, bus] = named(input);
          const state = members.textIfAny('State');
          if (state !== undefined && state !== 'ENABLED' && state !== 'DISABLED') {
            throw members.wrong('State', `the local run knows ENABLED and DISABLED, not ${state}`);
          }
          const eventPattern = members.textIfAny('EventPattern');
          const description = members.textIfAny('Description');
          return { RuleArn: buses.putRule({ name, bus, eventPattern, state, description }).ruleArn };
        },
      },
      DescribeRule: { takes: nameAndBus, answer: (input) => ruleView(buses.describeRule(...named(input))) },
      ListRules: {
        takes: ['EventBusName', 'NamePrefix', ...pages],
        answer(input) {
          const members = new Members(input);
          const rules = buses.listRules(members.textIfAny('EventBusName'), members.textIfAny('NamePrefix'));
          const { page: some, next } = page(input, rules);
          return { Rules: some.map(ruleView), NextToken: next };
        },
      },
      DeleteRule: {
        takes: nameAndBus,
        answer(input) {
          buses.deleteRule(...named(input));
          return {};
        },
      },
      EnableRule: {
        takes: nameAndBus,
        answer(input) {
          buses.enableRule(...named(input));
          return {};
        },
      },
      DisableRule: {
        takes: nameAndBus,
        answer(input) {
          buses.disableRule(...named(input));
          return {};
        },
      },
      PutTargets: {
        takes: ['Rule', 'EventBusName', 'Targets'],
        answer(input) {
          const members = new Members(input);
          const targets = members.required('Targets', members.objects('Targets')).map(readTarget);
          const [rule, bus] = named(input, 'Rule');
          buses.putTargets(rule, targets, bus);
          return { FailedEntryCount: 0, FailedEntries: [] };
        },
      },
      RemoveTargets: {
        takes: ['Rule', 'EventBusName', 'Ids'],
        answer(input) {
          const members = new Members(input);
          const [rule, bus] = named(input, 'Rule');
          buses.removeTargets(rule, members.required('Ids', members.texts('Ids')), bus);
          return { FailedEntryCount: 0, FailedEntries: [] };
        },
      },
      ListTargetsByRule: {
        takes: ['Rule', 'EventBusName', ...pages],
        answer(input) {
          const { page: some, next } = page(input, buses.listTargets(...named(input, 'Rule')));
          return { Targets: some.map(targetView), NextToken: next };
        },
      },

      StartReplay: {
        takes: ['ReplayName', 'EventSourceArn', 'EventStartTime', 'EventEndTime', 'Destination', 'Description'],
        answer(input) {
          const members = new Members(input);
          const destination = new Members(members.required('Destination', members.object('Destination')));
          const replay = buses.replays.start({
            name: replayNamed(input),
            eventSourceArn: members.text('EventSourceArn'),
            destinationArn: destination.text('Arn'),
            startTime: members.time('EventStartTime'),
            endTime: members.time('EventEndTime'),
            ...present('filterArns', destination.texts('FilterArns')),
            ...present('description', members.textIfAny('Description')),
          });
          return { ReplayArn: replay.arn, State: replay.state, ReplayStartTime: replay.startedAt / 1000 };
        },
      },
      DescribeReplay: {
        takes: ['ReplayName'],
        answer(input) {
          const replay = buses.replays.describe(replayNamed(input));
          const { arn, filterArns, destinationArn, description } = replay;
          return {
            ...replayView(replay),
            ReplayArn: arn,
            Destination: { Arn: destinationArn, ...present('FilterArns', filterArns) },
            ...present('Description', description),
          };
        },
      },
      ListReplays: {
        takes: ['NamePrefix', ...pages],
        answer(input) {
          const { page: some, next } = page(input, buses.replays.list(new Members(input).textIfAny('NamePrefix')));
          return { Replays: some.map(replayView), NextToken: next };
        },
      },
      CancelReplay: {
        takes: ['ReplayName'],
        answer(input) {
          const { arn, state } = buses.replays.cancel(replayNamed(input));
          return { ReplayArn: arn, State: state };
        },
      },
    },
  };
}

/** An entry's own trace header goes before that of the request. */
function readEntry(input: Input, requestTraceHeader: string | undefined): EventEntry {
  const taken = ['Time', 'Source', 'Resources', 'DetailType', 'Detail', 'EventBusName', 'TraceHeader'];
  refuseOtherMembers(input, taken, 'an entry of events.PutEvents');
  const members = new Members(input);
  return {
    ...present('source', members.textIfAny('Source')),
    ...present('detailType', members.textIfAny('DetailType')),
    ...present('detail', members.textIfAny('Detail')),
    ...(members.number('Time') === undefined ? {} : { time: members.time('Time') }),
    ...present('resources', members.texts('Resources')),
    ...present('bus', members.textIfAny('EventBusName')),
    ...present('traceHeader', members.textIfAny('TraceHeader') ?? requestTraceHeader),
  };
}

function readTarget(input: Input): RuleTarget {
  refuseOtherMembers(input, ['Id', 'Arn', 'Input', 'DeadLetterConfig', 'RetryPolicy'], 'a target of events.PutTargets');
  const members = new Members(input);
  const deadLetter = new Members(members.object('DeadLetterConfig') ?? {});
  const retry = new Members(members.object('RetryPolicy') ?? {});
  return {
    id: members.text('Id'),
    arn: members.text('Arn'),
    ...present('input', members.textIfAny('Input')),
    ...present('deadLetterArn', deadLetter.textIfAny('Arn')),
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

function invalid(message: string): EngineError {
  return new EngineError('ValidationException', `${message}.`);
}
