import {
  CodeStorageExceededException,
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  type EventSourceMappingConfiguration,
  type FunctionConfiguration,
  FunctionResponseType,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionRecursionConfigCommand,
  InvalidParameterValueException,
  InvokeCommand,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  LogFormat,
  PutFunctionRecursionConfigCommand,
  RecursiveLoop,
  ResourceConflictException,
  ResourceInUseException,
  ResourceNotFoundException,
  type Runtime,
  UpdateEventSourceMappingCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import type { FunctionSettings, MappingSettings } from '../domain/routes/desired-route.ts';
import type { ExistingFunction, ExistingMapping } from '../domain/routes/route-plan.ts';
import type { ActionOutcome } from '../provision/ports.ts';

const done: ActionOutcome = { kind: 'done' };
/** Between looks at a function that is being made or changed. A function from a zip takes Lambda 1 to 5 s. */
const lookDelaysMs = [200, 300, 500, 500, 1_000, 1_000, 2_000, 2_000, 4_000, 4_000, 8_000, 8_000];
/** Between tries at a mapping that is still changing: Lambda takes some seconds for each change. */
const mappingRetryDelaysMs = [1_000, 2_000, 4_000];

const stillChanging: ActionOutcome = {
  kind: 'later',
  reason: 'Lambda is still making the delivery function',
  retryAfterSeconds: 15,
};

function givenUp(what: string): ActionOutcome {
  return { kind: 'later', reason: `Lambda ${what}`, retryAfterSeconds: 60 };
}

interface Options {
  readonly client: LambdaClient;
  /** For what is made. */
  readonly tags: Readonly<Record<string, string>>;
  readonly sleep: (ms: number) => Promise<void>;
}

/** The delivery functions of subscribers, and what reads their queues. */
export function lambdaRouteFunctions({ client, tags, sleep }: Options) {
  async function find(name: string): Promise<FunctionConfiguration | undefined> {
    try {
      // GetFunction, not GetFunctionConfiguration: 100 calls a second instead of a share in 15.
      return (await client.send(new GetFunctionCommand({ FunctionName: name }))).Configuration ?? {};
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  }

  /** Until a function that is being made or changed is settled, one way or the other. */
  async function settled(name: string): Promise<FunctionConfiguration | 'still changing'> {
    for (const delayMs of [...lookDelaysMs, undefined]) {
      const found = (await find(name)) ?? {};
      if (found.State !== 'Pending' && found.LastUpdateStatus !== 'InProgress') return found;
      if (delayMs === undefined) break;
      await sleep(delayMs);
    }
    return 'still changing';
  }

  /** What was made or changed is in force; Lambda may take it and give it up afterwards. */
  async function inForce(name: string): Promise<ActionOutcome> {
    const found = await settled(name);
    if (found === 'still changing') return stillChanging;
    if (found.State === 'Failed') return givenUp(`could not make the delivery function: ${found.StateReason}`);
    if (found.LastUpdateStatus !== 'Failed') return done;
    return givenUp(`could not change the delivery function: ${found.LastUpdateStatusReason}`);
  }

  async function update(
    name: string,
    send: (found: FunctionConfiguration) => Promise<unknown>,
  ): Promise<ActionOutcome> {
    // Whatever became of an earlier change: this one takes its place.
    const found = await settled(name);
    if (found === 'still changing') return stillChanging;
    try {
      await send(found);
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome !== undefined) return outcome;
      throw error;
    }
    return inForce(name);
  }

  async function listMappings(queueArn: string): Promise<EventSourceMappingConfiguration[]> {
    const found: EventSourceMappingConfiguration[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.send(
        new ListEventSourceMappingsCommand({
          EventSourceArn: queueArn,
          ...(Marker === undefined ? {} : { Marker }),
        }),
      );
      found.push(...(page.EventSourceMappings ?? []));
      Marker = page.NextMarker;
    } while (Marker !== undefined && Marker !== '');
    return found;
  }

  async function changeMapping(send: () => Promise<unknown>): Promise<ActionOutcome> {
    for (const delayMs of [...mappingRetryDelaysMs, undefined]) {
      try {
        await send();
        return done;
      } catch (error) {
        if (!(error instanceof ResourceInUseException || error instanceof ResourceConflictException)) throw error;
        if (delayMs !== undefined) await sleep(delayMs);
      }
    }
    return { kind: 'later', reason: "the queue's event source mapping is still changing", retryAfterSeconds: 15 };
  }

  return {
    async describe(name: string): Promise<ExistingFunction | undefined> {
      const found = await find(name);
      if (found === undefined) return undefined;
      const { RecursiveLoop: loop = '' } = await client.send(
        new GetFunctionRecursionConfigCommand({ FunctionName: name }),
      );
      return existingFunction(found, loop);
    },

    async allowLoops(name: string): Promise<ActionOutcome> {
      await client.send(
        new PutFunctionRecursionConfigCommand({ FunctionName: name, RecursiveLoop: RecursiveLoop.Allow }),
      );
      return done;
    },

    async create(name: string, settings: FunctionSettings): Promise<ActionOutcome> {
      try {
        await client.send(
          new CreateFunctionCommand({
            FunctionName: name,
            ...configuration(settings),
            PackageType: 'Zip',
            Architectures: [settings.architecture],
            Code: { S3Bucket: settings.code.bucket, S3Key: settings.code.key },
            ...(Object.keys(tags).length === 0 ? {} : { Tags: { ...tags } }),
          }),
        );
      } catch (error) {
        // Another run was quicker: what it made is compared by the next run.
        if (error instanceof ResourceConflictException) return inForce(name);
        const outcome = outcomeOf(error);
        if (outcome !== undefined) return outcome;
        throw error;
      }
      const made = await inForce(name);
      // Of which code, Lambda says only now.
      return made.kind === 'done' ? this.updateDescription(name, settings.description) : made;
    },

    updateDescription(name: string, description: string): Promise<ActionOutcome> {
      return update(name, ({ CodeSha256 }) =>
        client.send(
          new UpdateFunctionConfigurationCommand({
            FunctionName: name,
            Description: descriptionOf(description, CodeSha256),
          }),
        ),
      );
    },

    updateCode(name: string, { code, architecture }: FunctionSettings): Promise<ActionOutcome> {
      return update(name, () =>
        client.send(
          new UpdateFunctionCodeCommand({
            FunctionName: name,
            S3Bucket: code.bucket,
            S3Key: code.key,
            Architectures: [architecture],
          }),
        ),
      );
    },

    updateSettings(name: string, settings: FunctionSettings): Promise<ActionOutcome> {
      return update(name, ({ CodeSha256 }) =>
        client.send(
          new UpdateFunctionConfigurationCommand({
            FunctionName: name,
            ...configuration(settings),
            Description: descriptionOf(settings.description, CodeSha256),
          }),
        ),
      );
    },

    async delete(name: string): Promise<ActionOutcome> {
      try {
        await client.send(new DeleteFunctionCommand({ FunctionName: name }));
        return done;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return done;
        const outcome = outcomeOf(error);
        if (outcome !== undefined) return outcome;
        throw error;
      }
    },

    async invoke(name: string, payload: string): Promise<void> {
      await client.send(
        new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: Buffer.from(payload) }),
      );
    },

    /** Those of this function: somebody else's may read the queue as well, and are none of ours. */
    async mappings(queueArn: string, functionName: string): Promise<readonly ExistingMapping[]> {
      return (await listMappings(queueArn))
        .filter(({ State, FunctionArn }) => State !== 'Deleting' && functionNameOf(FunctionArn) === functionName)
        .map(existingMapping);
    },

    async createMapping(queueArn: string, functionName: string, settings: MappingSettings): Promise<ActionOutcome> {
      try {
        await client.send(
          new CreateEventSourceMappingCommand({
            EventSourceArn: queueArn,
            FunctionName: functionName,
            ...mappingConfiguration(settings),
            ...(settings.filterPatterns.length === 0 ? { FilterCriteria: undefined } : {}),
          }),
        );
        return done;
      } catch (error) {
        if (error instanceof ResourceConflictException) {
          const others = await this.mappings(queueArn, functionName);
          if (others.length > 0) return done;
          return {
            kind: 'later',
            reason: 'an earlier event source mapping is still being deleted',
            retryAfterSeconds: 15,
          };
        }
        const outcome = outcomeOf(error);
        if (outcome !== undefined) return outcome;
        throw error;
      }
    },

    updateMapping(mappingId: string, settings: MappingSettings): Promise<ActionOutcome> {
      return changeMapping(() =>
        client.send(new UpdateEventSourceMappingCommand({ UUID: mappingId, ...mappingConfiguration(settings) })),
      );
    },

    deleteMapping(mappingId: string): Promise<ActionOutcome> {
      return changeMapping(async () => {
        try {
          await client.send(new DeleteEventSourceMappingCommand({ UUID: mappingId }));
        } catch (error) {
          if (!(error instanceof ResourceNotFoundException)) throw error;
        }
      });
    },

    async unreservedConcurrency(): Promise<number> {
      const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
      return AccountLimit?.UnreservedConcurrentExecutions ?? Number.POSITIVE_INFINITY;
    },

    /** The names of all functions of the account and region, a page at a time: Lambda filters by no prefix. */
    async *names(): AsyncIterable<readonly string[]> {
      let Marker: string | undefined;
      do {
        const page = await client.send(new ListFunctionsCommand(Marker === undefined ? {} : { Marker }));
        yield (page.Functions ?? []).flatMap(({ FunctionName }) => (FunctionName === undefined ? [] : [FunctionName]));
        Marker = page.NextMarker;
      } while (Marker !== undefined && Marker !== '');
    },

    /** The names of the functions that any mapping feeds from a queue: a mapping outlives its queue and its function. */
    async *mappedFunctions(): AsyncIterable<readonly string[]> {
      let Marker: string | undefined;
      do {
        const page = await client.send(new ListEventSourceMappingsCommand(Marker === undefined ? {} : { Marker }));
        yield (page.EventSourceMappings ?? []).flatMap(({ EventSourceArn, FunctionArn, State }) => {
          const functionName = functionNameOf(FunctionArn);
          const isOfQueue = EventSourceArn?.split(':')[2] === 'sqs';
          return isOfQueue && functionName !== undefined && State !== 'Deleting' ? [functionName] : [];
        });
        Marker = page.NextMarker;
      } while (Marker !== undefined && Marker !== '');
    },
  };
}

function configuration(settings: FunctionSettings) {
  return {
    Role: settings.roleArn,
    Runtime: settings.runtime as Runtime,
    Handler: settings.handler,
    MemorySize: settings.memoryMegabytes,
    Timeout: settings.timeoutSeconds,
    Description: settings.description,
    Environment: { Variables: { ...settings.environment } },
    // Levels are for the format JSON only.
    LoggingConfig: { LogGroup: settings.logGroup, LogFormat: LogFormat.Json, SystemLogLevel: settings.systemLogLevel },
    TracingConfig: { Mode: settings.tracingMode },
  };
}

const hashMark = '; sha256 ';

/** With the hash of the code of which it is said. At most 256 characters are taken. */
function descriptionOf(description: string, codeSha256 = ''): string {
  return `${description}${hashMark}${codeSha256}`;
}

/** Empty where it says nothing about the code that is there: an update was given up, or somebody else has uploaded code since. */
function descriptionInForce({ Description = '', CodeSha256, LastUpdateStatus }: FunctionConfiguration): string {
  const [description = '', codeSha256] = Description.split(hashMark);
  return LastUpdateStatus === 'Failed' || codeSha256 !== (CodeSha256 ?? '') ? '' : description;
}

function existingFunction(found: FunctionConfiguration, recursiveLoop: string): ExistingFunction {
  return {
    failed: found.State === 'Failed',
    roleArn: found.Role ?? '',
    runtime: found.Runtime ?? '',
    handler: found.Handler ?? '',
    memoryMegabytes: found.MemorySize ?? 0,
    timeoutSeconds: found.Timeout ?? 0,
    description: descriptionInForce(found),
    environment: found.Environment?.Variables ?? {},
    logGroup: found.LoggingConfig?.LogGroup ?? '',
    systemLogLevel: found.LoggingConfig?.SystemLogLevel ?? '',
    tracingMode: found.TracingConfig?.Mode ?? '',
    recursiveLoop,
  };
}

/**
 * So many batches of a queue at once are Lambda's own limit. Without one of ours it looks into an idle queue with two pollers and
 * not with five, which are paid for. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
const lambdasOwnMaximum = 1000;

function mappingConfiguration(settings: MappingSettings) {
  return {
    Enabled: settings.enabled,
    BatchSize: settings.batchSize,
    MaximumBatchingWindowInSeconds: settings.batchingWindowSeconds,
    // Empty: no bound, or no longer one.
    ScalingConfig:
      settings.maximumConcurrency < lambdasOwnMaximum ? { MaximumConcurrency: settings.maximumConcurrency } : {},
    FunctionResponseTypes: settings.reportsItemFailures ? [FunctionResponseType.ReportBatchItemFailures] : [],
    FilterCriteria: { Filters: settings.filterPatterns.map((Pattern) => ({ Pattern })) },
  };
}

function existingMapping(found: EventSourceMappingConfiguration): ExistingMapping {
  return {
    mappingId: found.UUID ?? '',
    enabled: isEnabled(found.State),
    maximumConcurrency: found.ScalingConfig?.MaximumConcurrency ?? lambdasOwnMaximum,
    batchSize: found.BatchSize ?? 0,
    batchingWindowSeconds: found.MaximumBatchingWindowInSeconds ?? 0,
    reportsItemFailures: found.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
    filterPatterns: (found.FilterCriteria?.Filters ?? []).map(({ Pattern = '' }) => Pattern),
    ...(found.LastModified === undefined ? {} : { modifiedAt: found.LastModified.getTime() }),
    ...(found.LastProcessingResult === undefined ? {} : { lastResult: found.LastProcessingResult }),
  };
}

/** `arn:aws:lambda:<region>:<account>:function:<name>`, with a version or an alias at times. */
function functionNameOf(arn: string | undefined): string | undefined {
  return arn?.split(':')[6];
}

/** Undefined while Lambda does not say: the state of a mapping that is being made or changed names no direction. */
function isEnabled(state: string | undefined): boolean | undefined {
  if (state === 'Enabled' || state === 'Enabling') return true;
  return state === 'Disabled' || state === 'Disabling' ? false : undefined;
}

/** What time or a person can cure. IAM and Lambda take some seconds to agree on a role that was just made. */
function outcomeOf(error: unknown): ActionOutcome | undefined {
  if (error instanceof CodeStorageExceededException) {
    return { kind: 'blocked', reason: `Lambda's storage for code is full: ${error.message}` };
  }
  // IAM agrees late on a role that was just made, or on the key of new code that a deploy has just allowed.
  const isYoung =
    error instanceof InvalidParameterValueException && /role|permission|queue|GetObject/i.test(error.message);
  if (isYoung || (error instanceof Error && error.name === 'AccessDeniedException' && /s3/i.test(error.message))) {
    return { kind: 'later', reason: `Lambda does not take it yet: ${error.message}`, retryAfterSeconds: 15 };
  }
  if (error instanceof ResourceConflictException || error instanceof ResourceInUseException) {
    return { kind: 'later', reason: 'the delivery function is being changed by another run', retryAfterSeconds: 15 };
  }
  return undefined;
}
