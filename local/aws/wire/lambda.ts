import { EngineError } from '../engine/engine-error.ts';
import { notServed } from '../not-served.ts';
import type { EventSourceMappings } from '../runtime/event-source-mappings.ts';
import { settingMembers } from '../runtime/function-settings.ts';
import type { LambdaFunctions } from '../runtime/lambda-functions.ts';
import { changeMembers, createMembers } from '../runtime/mapping-settings.ts';
import { Members, onePage, present } from './request-members.ts';
import type { AwsService, Input, Operations } from './service.ts';

export interface LambdaServiceOptions {
  readonly functions: LambdaFunctions;
  readonly mappings: EventSourceMappings;
}

const maxSyncPayloadBytes = 6 * 1024 * 1024;
const maxAsyncPayloadBytes = 1024 * 1024;
const pages = ['Marker', 'MaxItems'];

/** Lambda's operations, as far as the functions and the runbook call them. */
export function lambdaService({ functions, mappings }: LambdaServiceOptions): AwsService {
  return {
    name: 'lambda',
    operations: { ...functionOperations(functions), ...mappingOperations(functions, mappings) },
  };
}

function functionOperations(functions: LambdaFunctions): Operations {
  const configurationOf = (name: unknown): object => functions.configurationOf(name).configuration;
  return {
    CreateFunction: {
      takes: ['FunctionName', 'Code', 'PackageType', 'Architectures', 'Tags', ...settingMembers],
      answer: (input) => configurationOf(functions.create(input, { inForce: false }).name),
    },
    GetFunction: {
      takes: ['FunctionName'],
      answer({ FunctionName: name }) {
        const { configuration, codeLocation } = functions.configurationOf(name);
        return { Configuration: configuration, Code: { RepositoryType: 'S3', Location: codeLocation } };
      },
    },
    GetFunctionRecursionConfig: {
      takes: ['FunctionName'],
      answer: (input) => ({ RecursiveLoop: functions.recursiveLoop(input.FunctionName) }),
    },
    PutFunctionRecursionConfig: {
      takes: ['FunctionName', 'RecursiveLoop'],
      answer({ FunctionName: name, RecursiveLoop: loop }) {
        if (loop !== 'Allow' && loop !== 'Terminate') {
          throw new EngineError(
            'InvalidParameterValueException',
            `RecursiveLoop is ${String(loop)}; it can be Allow or Terminate`,
          );
        }
        functions.setRecursiveLoop(name, loop);
        return { RecursiveLoop: loop };
      },
    },
    GetFunctionConcurrency: { takes: ['FunctionName'], answer: (input) => concurrencyOf(functions, input) },
    PutFunctionConcurrency: {
      takes: ['FunctionName', 'ReservedConcurrentExecutions'],
      answer(input) {
        const { FunctionName: name, ReservedConcurrentExecutions: reserved } = input;
        if (typeof reserved !== 'number' || !Number.isInteger(reserved) || reserved < 0) {
          throw invalidValue(`ReservedConcurrentExecutions ${String(reserved)}`);
        }
        functions.reserveConcurrency(name, reserved);
        return concurrencyOf(functions, input);
      },
    },
    DeleteFunctionConcurrency: {
      takes: ['FunctionName'],
      answer({ FunctionName: name }) {
        functions.reserveConcurrency(name, undefined);
        return {};
      },
    },
    GetAccountSettings: { takes: [], answer: () => ({ AccountLimit: functions.accountLimit() }) },
    GetFunctionConfiguration: { takes: ['FunctionName'], answer: (input) => configurationOf(input.FunctionName) },
    ListFunctions: {
      takes: pages,
      answer(input) {
        const { page, next } = pageOf(functions.list(), input, 50);
        return { Functions: page.map(({ name }) => configurationOf(name)), ...present('NextMarker', next) };
      },
    },
    UpdateFunctionConfiguration: {
      takes: ['FunctionName', ...settingMembers],
      answer({ FunctionName: name, ...settings }) {
        functions.updateSettings(name, settings);
        return configurationOf(name);
      },
    },
    UpdateFunctionCode: {
      takes: ['FunctionName', 'Architectures', 'S3Bucket', 'S3Key'],
      answer({ FunctionName: name, Architectures: architectures, ...code }) {
        functions.updateCode(name, code, architectures as readonly string[] | undefined);
        return configurationOf(name);
      },
    },
    DeleteFunction: {
      takes: ['FunctionName'],
      answer(input) {
        functions.delete(input.FunctionName);
        return {};
      },
    },
    Invoke: {
      takes: ['FunctionName', 'Payload', 'InvocationType', 'LogType'],
      answer: (input, { traceHeader }) => invoke(functions, input, traceHeader),
    },
  };
}

function mappingOperations(functions: LambdaFunctions, mappings: EventSourceMappings): Operations {
  return {
    CreateEventSourceMapping: {
      takes: createMembers,
      answer: (input) => mappings.describe(mappings.create(input)),
    },
    ListEventSourceMappings: {
      takes: ['EventSourceArn', 'FunctionName', ...pages],
      answer(input) {
        const members = new Members(input);
        const name = members.textIfAny('FunctionName');
        const functionArn = name === undefined ? undefined : functions.describe(name).arn;
        const all = mappings.list({ eventSourceArn: members.textIfAny('EventSourceArn'), functionArn });
        const { page, next } = pageOf(all, input, 100);
        return { EventSourceMappings: page, ...present('NextMarker', next) };
      },
    },
    UpdateEventSourceMapping: {
      takes: ['UUID', ...changeMembers],
      answer({ UUID: uuid, ...change }) {
        mappings.update(String(uuid), change);
        return mappings.describe(String(uuid));
      },
    },
    DeleteEventSourceMapping: {
      takes: ['UUID'],
      answer(input) {
        const uuid = String(input.UUID);
        const described = mappings.describe(uuid);
        mappings.delete(uuid);
        return { ...described, State: 'Deleting' };
      },
    },
  };
}

function concurrencyOf(functions: LambdaFunctions, { FunctionName: name }: Input): object {
  return present('ReservedConcurrentExecutions', functions.reservedConcurrency(name));
}

async function invoke(functions: LambdaFunctions, input: Input, traceHeader: string | undefined): Promise<object> {
  const { FunctionName: name, Payload, InvocationType: type = 'RequestResponse', LogType = 'None' } = input;
  const payload = Payload === '' || Payload === undefined ? '{}' : String(Payload);
  if (type !== 'Event' && type !== 'RequestResponse') throw invalidValue(`InvocationType ${String(type)}`);
  if (LogType !== 'None') throw invalidValue(`LogType ${String(LogType)}`);
  try {
    JSON.parse(payload);
  } catch (error) {
    throw new EngineError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(error as Error).message}`,
    );
  }
  const bytes = Buffer.byteLength(payload);
  if (bytes > (type === 'Event' ? maxAsyncPayloadBytes : maxSyncPayloadBytes)) {
    throw new EngineError('RequestTooLargeException', `${bytes} byte payload is too large`, 413);
  }
  if (type === 'Event') {
    functions.invokeAsync(name, payload, traceHeader);
    return { StatusCode: 202, Payload: '' };
  }
  const outcome = await functions.invoke(name, payload, traceHeader);
  return { StatusCode: 200, Payload: outcome.payload, ...present('FunctionError', outcome.functionError) };
}

function invalidValue(what: string): EngineError {
  return new EngineError('InvalidParameterValueException', `${notServed(`lambda.Invoke: ${what}`)}.`);
}

/** Lambda's lists: `MaxItems` at most, 1 to 10,000 and never more than its largest page; `Marker` says where to go on. */
function pageOf<T>(all: readonly T[], input: Input, largestPage: number) {
  const members = new Members(input);
  const maxItems = members.number('MaxItems') ?? largestPage;
  if (!(Number.isInteger(maxItems) && maxItems >= 1 && maxItems <= 10_000)) {
    throw new EngineError(
      'ValidationException',
      `1 validation error detected: Value '${maxItems}' at 'maxItems' failed to satisfy constraint: Member must be between 1 and 10000`,
    );
  }
  const marker = members.textIfAny('Marker');
  return onePage(all, Math.min(largestPage, maxItems), marker, 'InvalidParameterValueException');
}
