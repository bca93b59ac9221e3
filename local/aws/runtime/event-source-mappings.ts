import { randomUUID } from 'node:crypto';
import type { ChangeStream } from '../engine/change-stream.ts';
import type { EngineClock } from '../engine/engine-clock.ts';
import { EngineError } from '../engine/engine-error.ts';
import type { EventSourceMapping, MappingSettings } from '../engine/event-source-mapping.ts';
import type { Measure } from '../engine/measure.ts';
import type { Queue } from '../engine/queue.ts';
import type { Queues } from '../engine/queues.ts';
import { createSqsMapping } from '../engine/sqs-mapping.ts';
import { createStreamMapping } from '../engine/stream-mapping.ts';
import type { AccessControl } from '../iam/access-control.ts';
import { executionRoleLacks, type FunctionDescription, type LambdaFunctions } from './lambda-functions.ts';
import { readMappingSettings, readOnFailure } from './mapping-settings.ts';

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
  readonly functionArn: string;
  /** As asked for; in force may be less, see `batchesAtOnce`. */
  maximumConcurrency: number | undefined;
  readonly onFailureArn: string | undefined;
  deleting: boolean;
}

type Input = Readonly<Record<string, unknown>>;

// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html and …/services-ddb-create-permissions.html
const queueActions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
const streamActions = [
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:DescribeStream',
  'dynamodb:ListStreams',
];

export function createEventSourceMappings(options: EventSourceMappingsOptions): EventSourceMappings {
  return new EventSourceMappings(options);
}

/** Lambda's event source mappings: which function consumes which queue or stream. */
export class EventSourceMappings {
  readonly #options: EventSourceMappingsOptions;
  readonly #mappings = new Map<string, StoredMapping>();
  readonly #ends = new Set<Promise<void>>();

  constructor(options: EventSourceMappingsOptions) {
    this.#options = options;
  }

  /** As CreateEventSourceMapping. Answers the mapping's id. */
  create(input: Input): string {
    const { EventSourceArn: eventSourceArn } = input;
    if (typeof eventSourceArn !== 'string') throw invalid('EventSourceArn is missing');
    const target = this.#options.functions.find(input.FunctionName);
    if (target === undefined) throw invalid(`Function does not exist: ${String(input.FunctionName)}`);
    for (const [uuid, known] of this.#mappings) {
      if (known.eventSourceArn !== eventSourceArn || known.functionArn !== target.arn || known.deleting) continue;
      throw new EngineError(
        'ResourceConflictException',
        `An event source mapping with event source arn (" ${eventSourceArn} ") and function (" ${target.name} ") already exists. Please update or delete the existing mapping with UUID ${uuid}`,
        409,
      );
    }
    const onFailureArn = readOnFailure(input.DestinationConfig);
    if (onFailureArn !== undefined && this.#options.queues.findByArn(onFailureArn) === undefined) {
      throw invalid(`DestinationConfig.OnFailure: there is no queue ${onFailureArn}`);
    }
    this.#refuseRole(target, eventSourceArn, onFailureArn);
    const settings = { enabled: true, ...readMappingSettings(input), functionName: target.name };
    const engine = this.#createEngine(eventSourceArn, target, settings, onFailureArn);
    this.#mappings.set(engine.uuid, {
      engine,
      eventSourceArn,
      functionArn: target.arn,
      maximumConcurrency: settings.maximumConcurrency,
      onFailureArn,
      deleting: false,
    });
    return engine.uuid;
  }

  /** As UpdateEventSourceMapping. */
  update(uuid: string, input: Input): void {
    const mapping = this.#settled(uuid);
    const settings = readMappingSettings(input);
    mapping.engine.update(
      'maximumConcurrency' in settings
        ? { ...settings, maximumConcurrency: this.#boundedConcurrency(settings.maximumConcurrency) }
        : settings,
    );
    if ('maximumConcurrency' in settings) mapping.maximumConcurrency = settings.maximumConcurrency;
  }

  /** Goes on until the batches under way have ended. */
  delete(uuid: string): void {
    void this.#end(this.#settled(uuid));
  }

  /** The ARN of the function that a mapping feeds, by the mapping's id. */
  mappedFunctionArn(uuid: string): string | undefined {
    return this.#mappings.get(uuid)?.functionArn;
  }

  /** Batches in the hands of functions. */
  invocationsUnderWay(): number {
    return [...this.#mappings.values()].reduce((sum, { engine }) => sum + engine.invocationsUnderWay(), 0);
  }

  /** As Lambda describes it. */
  describe(uuid: string): Readonly<Record<string, unknown>> {
    return this.#view(this.#existing(uuid));
  }

  list({ eventSourceArn, functionArn }: { eventSourceArn?: string | undefined; functionArn?: string | undefined }) {
    return [...this.#mappings.values()]
      .filter(
        (mapping) =>
          (eventSourceArn === undefined || mapping.eventSourceArn === eventSourceArn) &&
          (functionArn === undefined || mapping.functionArn === functionArn),
      )
      .map((mapping) => this.#view(mapping));
  }

  /** Polls no more; resolves when no batch is under way. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#mappings.values()].map((mapping) => (mapping.deleting ? undefined : this.#end(mapping))),
    );
    await Promise.all(this.#ends);
  }

  #createEngine(
    eventSourceArn: string,
    target: FunctionDescription,
    settings: Partial<MappingSettings> & { readonly functionName: string },
    onFailureArn: string | undefined,
  ): EventSourceMapping {
    const { clock, region, functions, queues, measure } = this.#options;
    const common = { clock, region, uuid: randomUUID(), invoke: functions.invoke.bind(functions) };
    const queue = queues.findByArn(eventSourceArn);
    if (queue !== undefined) {
      refuseShortVisibility(queue, target.timeoutSeconds);
      const maximumConcurrency = this.#boundedConcurrency(settings.maximumConcurrency);
      const sandboxes = (): number => functions.sandboxes(target.name);
      return createSqsMapping({ ...common, queue, sandboxes, settings: { ...settings, maximumConcurrency } });
    }
    const stream = this.#options.stream(eventSourceArn);
    if (stream !== undefined) {
      const onGivenUp = (report: string): void => {
        if (onFailureArn !== undefined) queues.findByArn(onFailureArn)?.send({ body: report });
      };
      return createStreamMapping({ ...common, stream, settings, onGivenUp, measure });
    }
    throw invalid(
      `Error occurred while accessing the event source ${eventSourceArn}: there is no such queue or stream`,
    );
  }

  /** Throws where the function's role may not read the source or send to the destination. Lambda looks at once. */
  #refuseRole(target: FunctionDescription, eventSourceArn: string, onFailureArn: string | undefined): void {
    const { access } = this.#options;
    const caller = { functionName: target.name, roleArn: target.roleArn };
    const isQueue = eventSourceArn.startsWith('arn:aws:sqs:');
    const denial = access.refuseRole(
      caller,
      (isQueue ? queueActions : streamActions).map((action) => ({
        action,
        resource: action === 'dynamodb:ListStreams' ? '*' : eventSourceArn,
      })),
    );
    if (denial !== undefined && !isQueue) {
      throw invalid(
        `Cannot access stream ${eventSourceArn}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.`,
      );
    }
    const reporting = onFailureArn === undefined ? [] : [{ action: 'sqs:SendMessage', resource: onFailureArn }];
    const lacking = denial ?? access.refuseRole(caller, reporting);
    if (lacking !== undefined) throw executionRoleLacks(lacking.action);
  }

  #boundedConcurrency(asked: number | undefined): number {
    const most = Math.max(2, this.#options.batchesAtOnce ?? 8);
    return Math.min(asked ?? most, most);
  }

  #existing(uuid: string): StoredMapping {
    const mapping = this.#mappings.get(uuid);
    if (mapping !== undefined) return mapping;
    throw new EngineError('ResourceNotFoundException', 'The resource you requested does not exist.', 404);
  }

  #settled(uuid: string): StoredMapping {
    const mapping = this.#existing(uuid);
    const state = stateOf(mapping);
    if (state === 'Enabled' || state === 'Disabled') return mapping;
    throw new EngineError(
      'ResourceInUseException',
      `Cannot update the event source mapping because it is in use. (state ${state})`,
    );
  }

  #end(mapping: StoredMapping): Promise<void> {
    mapping.deleting = true;
    const ended = mapping.engine.delete().finally(() => {
      this.#mappings.delete(mapping.engine.uuid);
      this.#ends.delete(ended);
    });
    this.#ends.add(ended);
    return ended;
  }

  #view(mapping: StoredMapping): Readonly<Record<string, unknown>> {
    const { region, accountId } = this.#options;
    const { engine, maximumConcurrency, onFailureArn } = mapping;
    const settings = engine.settings();
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
      ...(maximumConcurrency === undefined ? {} : { ScalingConfig: { MaximumConcurrency: maximumConcurrency } }),
      ...(onFailureArn === undefined ? {} : { DestinationConfig: { OnFailure: { Destination: onFailureArn } } }),
      ...(settings.startingPosition === undefined
        ? {}
        : {
            FilterCriteria: { Filters: settings.filterPatterns.map((Pattern) => ({ Pattern })) },
            StartingPosition: settings.startingPosition,
            BisectBatchOnFunctionError: settings.bisectBatchOnFunctionError,
            MaximumRetryAttempts: settings.maximumRetryAttempts,
          }),
    };
  }
}

function stateOf(mapping: StoredMapping): string {
  return mapping.deleting ? 'Deleting' : mapping.engine.state();
}

// Lambda refuses the mapping, and the deploy fails, where a message would be handed out again while it is worked on.
function refuseShortVisibility(queue: Queue, functionTimeoutSeconds: number): void {
  const { visibilityTimeoutSeconds } = queue.settings();
  if (visibilityTimeoutSeconds >= functionTimeoutSeconds) return;
  throw invalid(
    `Queue visibility timeout: ${visibilityTimeoutSeconds} seconds is less than Function timeout: ${functionTimeoutSeconds} seconds`,
  );
}

function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValueException', message);
}
