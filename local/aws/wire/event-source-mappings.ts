import { randomUUID } from 'node:crypto';
import type { ChangeStream } from '../engine/change-stream.ts';
import type { EngineClock } from '../engine/engine-clock.ts';
import type { EventSourceMapping, MappingSettings } from '../engine/event-source-mapping.ts';
import type { Measure } from '../engine/measure.ts';
import type { Queue, Queues } from '../engine/queue.ts';
import { createSqsMapping } from '../engine/sqs-mapping.ts';
import { createStreamMapping } from '../engine/stream-mapping.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { refuseUnknownMembers } from './function-settings.ts';
import { executionRoleLacks, type FunctionDescription, type LambdaFunctions, pageOf } from './lambda-control-plane.ts';
import { AwsError, type AwsService, type Operation } from './service.ts';

/** Lambda's event source mappings: queues and streams that functions consume. */
export interface EventSourceMappings {
  readonly operations: AwsService['operations'];
  /** As CreateEventSourceMapping. Throws `AwsError`. Answers the mapping's id. */
  create(input: Readonly<Record<string, unknown>>): string;
  /** The ARN of the function that a mapping feeds, by the mapping's id. */
  mappedFunctionArn(uuid: string): string | undefined;
  /** Batches in the hands of functions. */
  invocationsUnderWay(): number;
  /** Polls no more; resolves when no batch is under way. */
  stop(): Promise<void>;
}

export interface EventSourceMappingsOptions {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  readonly functions: LambdaFunctions;
  readonly queues: Queues;
  readonly stream: (streamArn: string) => ChangeStream | undefined;
  /** Lambda reads a source, and reports to a destination, in the name of the function's role. */
  readonly access: Pick<AccessControl, 'refuseRole'>;
  /**
   * Lambda's pollers scale a function out; here there are only so many workers, and a batch that waits for one waits
   * against its visibility timeout. So no mapping hands out more batches at once than this. Default 8.
   */
  readonly batchesAtOnce?: number;
  readonly measure?: Measure | undefined;
}

interface StoredMapping {
  readonly engine: EventSourceMapping;
  readonly eventSourceArn: string;
  readonly tags: Map<string, string>;
  functionArn: string;
  /** As asked for; in force may be less, see `batchesAtOnce`. */
  maximumConcurrency: number | undefined;
  readonly onFailure: { arn: string | undefined };
  deleting: boolean;
}

type Target = Pick<FunctionDescription, 'name' | 'arn' | 'roleArn' | 'timeoutSeconds'>;

// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html and …/services-ddb-create-permissions.html
const queueActions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
const streamActions = [
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:DescribeStream',
  'dynamodb:ListStreams',
];

const changeMembers = [
  'FunctionName',
  'Enabled',
  'BatchSize',
  'MaximumBatchingWindowInSeconds',
  'ScalingConfig',
  'FunctionResponseTypes',
  'FilterCriteria',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'DestinationConfig',
];
const createMembers = [...changeMembers, 'EventSourceArn', 'StartingPosition', 'ParallelizationFactor', 'Tags'];

export function createEventSourceMappings(options: EventSourceMappingsOptions): EventSourceMappings {
  const { clock, region, accountId, functions } = options;
  const batchesAtOnce = Math.max(2, options.batchesAtOnce ?? 8);
  const mappings = new Map<string, StoredMapping>();
  const ends = new Set<Promise<void>>();

  function create(input: Readonly<Record<string, unknown>>): StoredMapping {
    refuseUnknownMembers('CreateEventSourceMapping', input, createMembers);
    const { EventSourceArn: eventSourceArn, ParallelizationFactor: parallelization } = input;
    if (typeof eventSourceArn !== 'string') {
      throw new AwsError('InvalidParameterValueException', 'EventSourceArn is missing');
    }
    if (parallelization !== undefined && parallelization !== 1) {
      throw new AwsError('InvalidParameterValueException', 'The local run knows a ParallelizationFactor of 1 only');
    }
    const target = targetOf(input.FunctionName);
    for (const [uuid, known] of mappings) {
      if (known.eventSourceArn !== eventSourceArn || known.functionArn !== target.arn || known.deleting) continue;
      throw new AwsError(
        'ResourceConflictException',
        `An event source mapping with event source arn (" ${eventSourceArn} ") and function (" ${target.name} ") already exists. Please update or delete the existing mapping with UUID ${uuid}`,
        409,
      );
    }
    const settings = { enabled: true, ...readSettings(input), functionName: target.name };
    const uuid = randomUUID();
    const common = { clock, region, uuid, invoke: functions.invoke };
    const queue = options.queues.findByArn(eventSourceArn);
    const stream = options.stream(eventSourceArn);
    const onFailure = { arn: readOnFailure(input.DestinationConfig) };
    refuseRole(target, eventSourceArn, onFailure.arn);
    const mapping: StoredMapping = {
      engine: createEngine(),
      eventSourceArn,
      functionArn: target.arn,
      maximumConcurrency: settings.maximumConcurrency,
      onFailure,
      tags: new Map(Object.entries((input.Tags ?? {}) as Record<string, string>)),
      deleting: false,
    };
    mappings.set(uuid, mapping);
    return mapping;

    function createEngine(): EventSourceMapping {
      if (queue !== undefined) {
        refuseShortVisibility(queue, target.timeoutSeconds);
        const maximumConcurrency = boundedConcurrency(settings.maximumConcurrency);
        const sandboxes = (): number => functions.sandboxes(target.arn);
        return createSqsMapping({ ...common, queue, sandboxes, settings: { ...settings, maximumConcurrency } });
      }
      if (stream !== undefined) {
        const onGivenUp = (report: string): void => {
          if (onFailure.arn !== undefined) options.queues.findByArn(onFailure.arn)?.send({ body: report });
        };
        return createStreamMapping({ ...common, stream, settings, onGivenUp, measure: options.measure });
      }
      throw new AwsError(
        'InvalidParameterValueException',
        `Error occurred while accessing the event source ${String(eventSourceArn)}: there is no such queue or stream`,
      );
    }
  }

  /** Throws where the function's role may not read the source or send to the destination. Lambda looks at once. */
  function refuseRole(target: Target, eventSourceArn: string, onFailureArn: string | undefined): void {
    const caller = { functionName: target.name, roleArn: target.roleArn };
    const ofSource = eventSourceArn.startsWith('arn:aws:sqs:')
      ? queueActions.map((action) => ({ action, resource: eventSourceArn }))
      : streamActions.map((action) => ({
          action,
          resource: action === 'dynamodb:ListStreams' ? '*' : eventSourceArn,
        }));
    const denial = options.access.refuseRole(caller, ofSource);
    if (denial?.action.startsWith('dynamodb:')) {
      throw new AwsError(
        'InvalidParameterValueException',
        `Cannot access stream ${eventSourceArn}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.`,
      );
    }
    const reporting = onFailureArn === undefined ? [] : [{ action: 'sqs:SendMessage', resource: onFailureArn }];
    const lacking = denial ?? options.access.refuseRole(caller, reporting);
    if (lacking !== undefined) throw executionRoleLacks(lacking.action);
  }

  function boundedConcurrency(asked: number | undefined): number {
    return Math.min(asked ?? batchesAtOnce, batchesAtOnce);
  }

  function targetOf(nameOrArn: unknown): Target {
    if (typeof nameOrArn !== 'string') throw new AwsError('InvalidParameterValueException', 'FunctionName is missing');
    const target = functions.find(nameOrArn);
    if (target !== undefined) return target;
    throw new AwsError('InvalidParameterValueException', `Function does not exist: ${nameOrArn}`);
  }

  function readOnFailure(config: unknown): string | undefined {
    const { OnFailure: onFailure, ...rest } = (config ?? {}) as { OnFailure?: { Destination?: string } };
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) {
      throw new AwsError('InvalidParameterValueException', `The local run does not know DestinationConfig.${unknown}`);
    }
    const arn = onFailure?.Destination;
    if (arn !== undefined && options.queues.findByArn(arn) === undefined) {
      throw new AwsError('InvalidParameterValueException', `DestinationConfig.OnFailure: there is no queue ${arn}`);
    }
    return arn;
  }

  function existing(uuid: unknown): StoredMapping {
    const mapping = mappings.get(String(uuid));
    if (mapping !== undefined) return mapping;
    throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.');
  }

  function refuseWhileChanging(mapping: StoredMapping): void {
    const state = stateOf(mapping);
    if (state === 'Enabled' || state === 'Disabled') return;
    throw new AwsError(
      'ResourceInUseException',
      `Cannot update the event source mapping because it is in use. (state ${state})`,
    );
  }

  function end(mapping: StoredMapping): Promise<void> {
    mapping.deleting = true;
    const ended = mapping.engine.delete().finally(() => {
      mappings.delete(mapping.engine.uuid);
      ends.delete(ended);
    });
    ends.add(ended);
    return ended;
  }

  function describe(mapping: StoredMapping): Record<string, unknown> {
    const { engine } = mapping;
    const settings = engine.settings();
    const ofStream = settings.startingPosition !== undefined;
    return {
      UUID: engine.uuid,
      EventSourceMappingArn: `arn:aws:lambda:${region}:${accountId}:event-source-mapping:${engine.uuid}`,
      EventSourceArn: mapping.eventSourceArn,
      FunctionArn: mapping.functionArn,
      State: stateOf(mapping),
      StateTransitionReason: 'USER_INITIATED',
      LastModified: engine.lastModified() / 1000,
      LastProcessingResult: engine.lastProcessingResult(),
      BatchSize: settings.batchSize,
      MaximumBatchingWindowInSeconds: settings.maximumBatchingWindowSeconds,
      FunctionResponseTypes: settings.reportBatchItemFailures ? ['ReportBatchItemFailures'] : [],
      ...(settings.filterPatterns.length === 0
        ? {}
        : { FilterCriteria: { Filters: settings.filterPatterns.map((Pattern) => ({ Pattern })) } }),
      ...(mapping.maximumConcurrency === undefined
        ? {}
        : { ScalingConfig: { MaximumConcurrency: mapping.maximumConcurrency } }),
      ...(mapping.onFailure.arn === undefined
        ? {}
        : { DestinationConfig: { OnFailure: { Destination: mapping.onFailure.arn } } }),
      ...(ofStream
        ? {
            StartingPosition: settings.startingPosition,
            BisectBatchOnFunctionError: settings.bisectBatchOnFunctionError,
            MaximumRetryAttempts: settings.maximumRetryAttempts,
            MaximumRecordAgeInSeconds: settings.maximumRecordAgeSeconds,
            ParallelizationFactor: 1,
          }
        : {}),
    };
  }

  const operations: Record<string, Operation> = {
    CreateEventSourceMapping: (input) => describe(create(input)),
    GetEventSourceMapping: (input) => describe(existing(input.UUID)),
    ListEventSourceMappings(input) {
      const functionArn =
        input.FunctionName === undefined ? undefined : functions.describe(String(input.FunctionName)).arn;
      const all = [...mappings.values()].filter(
        (mapping) =>
          (input.EventSourceArn === undefined || mapping.eventSourceArn === input.EventSourceArn) &&
          (functionArn === undefined || mapping.functionArn === functionArn),
      );
      const { page, next } = pageOf(all, input, 100);
      return { EventSourceMappings: page.map(describe), ...(next === undefined ? {} : { NextMarker: next }) };
    },
    UpdateEventSourceMapping(input) {
      const { UUID: uuid, ...change } = input;
      refuseUnknownMembers('UpdateEventSourceMapping', change, changeMembers);
      const mapping = existing(uuid);
      refuseWhileChanging(mapping);
      const settings = readSettings(change);
      const onFailureArn = readOnFailure(change.DestinationConfig);
      const target = change.FunctionName === undefined ? undefined : targetOf(change.FunctionName);
      const reader = target ?? functions.find(mapping.functionArn);
      if (reader !== undefined) refuseRole(reader, mapping.eventSourceArn, onFailureArn ?? mapping.onFailure.arn);
      const ofQueue = options.queues.findByArn(mapping.eventSourceArn) !== undefined;
      mapping.engine.update({
        ...settings,
        ...(target === undefined ? {} : { functionName: target.name }),
        ...('maximumConcurrency' in settings && ofQueue
          ? { maximumConcurrency: boundedConcurrency(settings.maximumConcurrency) }
          : {}),
      });
      if (target !== undefined) mapping.functionArn = target.arn;
      if ('maximumConcurrency' in settings) mapping.maximumConcurrency = settings.maximumConcurrency;
      if (change.DestinationConfig !== undefined) mapping.onFailure.arn = onFailureArn;
      return describe(mapping);
    },
    DeleteEventSourceMapping(input) {
      const mapping = existing(input.UUID);
      refuseWhileChanging(mapping);
      const described = describe(mapping);
      void end(mapping);
      return { ...described, State: 'Deleting' };
    },
  };

  return {
    operations,
    create: (input) => create(input).engine.uuid,
    mappedFunctionArn: (uuid) => mappings.get(uuid)?.functionArn,
    invocationsUnderWay: () =>
      [...mappings.values()].reduce((sum, { engine }) => sum + engine.invocationsUnderWay(), 0),
    async stop() {
      await Promise.all([...mappings.values()].map((mapping) => (mapping.deleting ? undefined : end(mapping))));
      await Promise.all(ends);
    },
  };
}

function stateOf(mapping: StoredMapping): string {
  return mapping.deleting ? 'Deleting' : mapping.engine.state();
}

// Lambda refuses the mapping, and the deploy fails, where a message would be handed out again while it is worked on.
function refuseShortVisibility(queue: Queue, functionTimeoutSeconds: number): void {
  const visibilitySeconds = Number(queue.readAttributes().VisibilityTimeout ?? 30);
  if (visibilitySeconds >= functionTimeoutSeconds) return;
  throw new AwsError(
    'InvalidParameterValueException',
    `Queue visibility timeout: ${visibilitySeconds} seconds is less than Function timeout: ${functionTimeoutSeconds} seconds`,
  );
}

type Change = { -readonly [Name in keyof MappingSettings]?: MappingSettings[Name] };

/** Only what the input names. */
function readSettings(input: Readonly<Record<string, unknown>>): Change {
  const settings: Change = {};
  if (input.Enabled !== undefined) settings.enabled = input.Enabled === true;
  if (input.BatchSize !== undefined) settings.batchSize = Number(input.BatchSize);
  if (input.MaximumBatchingWindowInSeconds !== undefined) {
    settings.maximumBatchingWindowSeconds = Number(input.MaximumBatchingWindowInSeconds);
  }
  if (input.ScalingConfig !== undefined) {
    const { MaximumConcurrency: most } = input.ScalingConfig as { MaximumConcurrency?: number };
    if (most !== undefined && !(Number.isInteger(most) && most >= 2 && most <= 1000)) {
      throw new AwsError(
        'InvalidParameterValueException',
        `ScalingConfig.MaximumConcurrency is ${most}; it can be 2 to 1000`,
      );
    }
    settings.maximumConcurrency = most;
  }
  if (input.FunctionResponseTypes !== undefined) {
    const types = input.FunctionResponseTypes as string[];
    const unknown = types.find((type) => type !== 'ReportBatchItemFailures');
    if (unknown !== undefined) {
      throw new AwsError('InvalidParameterValueException', `FunctionResponseTypes: ${unknown} is not known`);
    }
    settings.reportBatchItemFailures = types.length > 0;
  }
  if (input.FilterCriteria !== undefined) {
    const { Filters: filters = [] } = input.FilterCriteria as { Filters?: { Pattern?: string }[] };
    settings.filterPatterns = filters.map(({ Pattern: pattern }) => pattern ?? '{}');
  }
  if (input.StartingPosition !== undefined) {
    if (input.StartingPosition !== 'LATEST' && input.StartingPosition !== 'TRIM_HORIZON') {
      throw new AwsError(
        'InvalidParameterValueException',
        `StartingPosition is ${String(input.StartingPosition)}; it can be LATEST or TRIM_HORIZON`,
      );
    }
    settings.startingPosition = input.StartingPosition;
  }
  if (input.BisectBatchOnFunctionError !== undefined) {
    settings.bisectBatchOnFunctionError = input.BisectBatchOnFunctionError === true;
  }
  if (input.MaximumRetryAttempts !== undefined) settings.maximumRetryAttempts = Number(input.MaximumRetryAttempts);
  if (input.MaximumRecordAgeInSeconds !== undefined) {
    settings.maximumRecordAgeSeconds = Number(input.MaximumRecordAgeInSeconds);
  }
  return settings;
}
