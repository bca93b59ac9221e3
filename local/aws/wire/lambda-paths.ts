import { EngineError } from '../engine/engine-error.ts';

/**
 * Lambda's REST-JSON: which operation a method and a path mean, which members of the input stand in the path, and the
 * status of an answer that went well. Source: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 */
type Binding = readonly [operation: string, method: string, path: string, members: readonly string[], status: number];

const functions = '/2015-03-31/functions';
const mappings = '/2015-03-31/event-source-mappings';
const name = ['FunctionName'];

const bindings: readonly Binding[] = [
  ['Invoke', 'POST', `${functions}/*/invocations`, name, 200],
  ['CreateFunction', 'POST', functions, [], 201],
  ['ListFunctions', 'GET', functions, [], 200],
  ['GetFunction', 'GET', `${functions}/*`, name, 200],
  ['GetFunctionConfiguration', 'GET', `${functions}/*/configuration`, name, 200],
  ['UpdateFunctionConfiguration', 'PUT', `${functions}/*/configuration`, name, 200],
  ['UpdateFunctionCode', 'PUT', `${functions}/*/code`, name, 200],
  ['DeleteFunction', 'DELETE', `${functions}/*`, name, 204],
  ['GetFunctionRecursionConfig', 'GET', '/2024-08-31/functions/*/recursion-config', name, 200],
  ['PutFunctionRecursionConfig', 'PUT', '/2024-08-31/functions/*/recursion-config', name, 200],
  ['GetFunctionConcurrency', 'GET', '/2019-09-30/functions/*/concurrency', name, 200],
  ['PutFunctionConcurrency', 'PUT', '/2017-10-31/functions/*/concurrency', name, 200],
  ['DeleteFunctionConcurrency', 'DELETE', '/2017-10-31/functions/*/concurrency', name, 204],
  ['GetAccountSettings', 'GET', '/2016-08-19/account-settings', [], 200],
  ['CreateEventSourceMapping', 'POST', mappings, [], 202],
  ['ListEventSourceMappings', 'GET', mappings, [], 200],
  ['UpdateEventSourceMapping', 'PUT', `${mappings}/*`, ['UUID'], 202],
  ['DeleteEventSourceMapping', 'DELETE', `${mappings}/*`, ['UUID'], 202],
];
const forms = bindings.map(([, , path]) => new RegExp(`^${path.replaceAll('*', '([^/]+)')}/?$`));

export interface LambdaCall {
  readonly operation: string;
  readonly input: Record<string, unknown>;
  readonly status: number;
}

/** Undefined where the path is not one of those above. Throws `EngineError` where the body is no JSON object. */
export function readLambdaCall(request: {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}): LambdaCall | undefined {
  for (const [index, [operation, method, , members, status]] of bindings.entries()) {
    const found = method === request.method ? forms[index]?.exec(request.path) : undefined;
    if (found === undefined || found === null) continue;
    const input = operation === 'Invoke' ? invokeInput(request) : parseObject(request.body);
    for (const [at, member] of members.entries()) input[member] = decodeURIComponent(found[at + 1] ?? '');
    for (const [member, value] of request.query) input[member] = member === 'MaxItems' ? Number(value) : value;
    return { operation, input, status };
  }
  return undefined;
}

function invokeInput(request: Parameters<typeof readLambdaCall>[0]): Record<string, unknown> {
  const { 'x-amz-invocation-type': InvocationType, 'x-amz-log-type': LogType } = request.headers;
  // The payload stays the text that came in: parsed and printed again, a 64-bit number would be another one.
  return { Payload: request.body, InvocationType, LogType };
}

function parseObject(body: string): Record<string, unknown> {
  if (body === '') return {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // Answered below, like a body that is JSON but no object.
  }
  throw new EngineError(
    'InvalidRequestContentException',
    'Could not parse request body into json: it is no JSON object',
  );
}
