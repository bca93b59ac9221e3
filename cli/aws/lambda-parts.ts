import {
  DeleteFunctionConcurrencyCommand,
  type EventSourceMappingConfiguration,
  GetFunctionConcurrencyCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { awsFailure } from '../aws-errors.ts';
import { CommandFailed } from '../command-failed.ts';
import { exitCodes } from '../exit-codes.ts';
import { ownFunctions } from '../own-functions.ts';
import type { DeployedStack } from './deployed-stack.ts';

/** What reads a queue or a stream for a function. */
export interface Mapping {
  readonly uuid: string;
  readonly functionName: string;
  readonly sourceArn: string;
  /** `Enabled`, `Disabled`, or on its way there. */
  readonly state: string;
  /** What Lambda says went wrong, where something did. */
  readonly problem?: string;
}

export interface LambdaParts {
  mappings(): Promise<readonly Mapping[]>;
  /** What is set aside for the function; 0 lets nothing run; undefined: it shares with all others. */
  reservedConcurrency(functionName: string): Promise<number | undefined>;
  /** Waits while a change of it is under way. */
  enable(mapping: Mapping, sleep: (milliseconds: number) => Promise<void>): Promise<void>;
  shareConcurrency(functionName: string): Promise<void>;
  /** Has every route looked at, as happens once an hour. Rejects with what the function failed with. */
  reconcileAll(): Promise<void>;
}

/** A mapping takes up to a minute or so from one state to the next. */
const enableTries = 45;
const enableDelayMs = 2000;

export function createLambdaParts(stack: DeployedStack): LambdaParts {
  const lambda = new LambdaClient(stack.client);
  async function send<T>(what: string, call: () => Promise<T>): Promise<T> {
    return call().catch((error: unknown) => {
      throw awsFailure(error, what);
    });
  }
  return {
    async mappings() {
      const all: EventSourceMappingConfiguration[] = [];
      let Marker: string | undefined;
      do {
        const page = await send('the mappings of functions could not be listed', () =>
          lambda.send(new ListEventSourceMappingsCommand(Marker === undefined ? {} : { Marker })),
        );
        all.push(...(page.EventSourceMappings ?? []));
        Marker = page.NextMarker;
      } while (Marker !== undefined);
      return all.map(({ UUID = '', FunctionArn = '', EventSourceArn = '', State = '', LastProcessingResult = '' }) => ({
        uuid: UUID,
        functionName: FunctionArn.split(':')[6] ?? '',
        sourceArn: EventSourceArn,
        state: State,
        ...(LastProcessingResult.startsWith('PROBLEM') ? { problem: LastProcessingResult } : {}),
      }));
    },
    async reservedConcurrency(FunctionName) {
      const { ReservedConcurrentExecutions: reserved } = await send(
        `the concurrency of ${FunctionName} could not be read`,
        () => lambda.send(new GetFunctionConcurrencyCommand({ FunctionName })),
      );
      return reserved;
    },
    async enable({ uuid, functionName }, sleep) {
      for (let attempt = 1; ; attempt++) {
        try {
          await lambda.send(new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: true }));
          return;
        } catch (error) {
          const isChanging = error instanceof Error && error.name === 'ResourceInUseException';
          if (!isChanging || attempt === enableTries) {
            throw awsFailure(error, `the mapping of ${functionName} could not be enabled`);
          }
        }
        await sleep(enableDelayMs);
      }
    },
    async shareConcurrency(FunctionName) {
      await send(`the concurrency of ${FunctionName} could not be given back`, () =>
        lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName })),
      );
    },
    async reconcileAll() {
      const FunctionName = await stack.functionName(ownFunctions.provision.function);
      const { FunctionError, Payload } = await send('provision could not be called', () =>
        lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ action: 'reconcile-all' }) })),
      );
      if (FunctionError === undefined) return;
      const { errorMessage } = JSON.parse(Payload?.transformToString() ?? '{}') as { errorMessage?: string };
      throw new CommandFailed(
        exitCodes.failed,
        `provision failed: ${errorMessage ?? FunctionError}`,
        'What it wrote: fanout logs provision --errors',
      );
    },
  };
}
