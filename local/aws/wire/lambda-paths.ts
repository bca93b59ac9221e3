import { AwsError } from './service.ts';

/**
 * Lambda's REST-JSON: which operation a method and a path mean, and which members of the input stand in the path and
 * in the query. Source: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
 */
interface Binding {
  readonly operation: string;
  readonly method: string;
  readonly path: RegExp;
  /** Input members, in the order of the path's groups. */
  readonly members: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  /** Of an answer that went well; 200 where it is not said. */
  readonly status?: number;
}

const functions = '/2015-03-31/functions';
const mappings = '/2015-03-31/event-source-mappings';
const at = (path: string): RegExp => new RegExp(`^${path.replaceAll('*', '([^/]+)')}/?$`);
const pages = { Marker: 'Marker', MaxItems: 'MaxItems' };
const qualifier = { Qualifier: 'Qualifier' };

const bindings: readonly Binding[] = [
  {
    operation: 'Invoke',
    method: 'POST',
    path: at(`${functions}/*/invocations`),
    members: ['FunctionName'],
    query: qualifier,
  },
  { operation: 'CreateFunction', method: 'POST', path: at(functions), members: [], status: 201 },
  { operation: 'ListFunctions', method: 'GET', path: at(functions), members: [], query: pages },
  {
    operation: 'GetFunctionConfiguration',
    method: 'GET',
    path: at(`${functions}/*/configuration`),
    members: ['FunctionName'],
    query: qualifier,
  },
  {
    operation: 'UpdateFunctionConfiguration',
    method: 'PUT',
    path: at(`${functions}/*/configuration`),
    members: ['FunctionName'],
  },
  { operation: 'UpdateFunctionCode', method: 'PUT', path: at(`${functions}/*/code`), members: ['FunctionName'] },
  {
    operation: 'GetFunction',
    method: 'GET',
    path: at(`${functions}/*`),
    members: ['FunctionName'],
    query: qualifier,
  },
  {
    operation: 'DeleteFunction',
    method: 'DELETE',
    path: at(`${functions}/*`),
    members: ['FunctionName'],
    query: qualifier,
    status: 204,
  },
  {
    operation: 'AddPermission',
    method: 'POST',
    path: at(`${functions}/*/policy`),
    members: ['FunctionName'],
    query: qualifier,
    status: 201,
  },
  {
    operation: 'GetPolicy',
    method: 'GET',
    path: at(`${functions}/*/policy`),
    members: ['FunctionName'],
    query: qualifier,
  },
  {
    operation: 'RemovePermission',
    method: 'DELETE',
    path: at(`${functions}/*/policy/*`),
    members: ['FunctionName', 'StatementId'],
    query: { ...qualifier, RevisionId: 'RevisionId' },
    status: 204,
  },
  {
    operation: 'PutFunctionConcurrency',
    method: 'PUT',
    path: at('/2017-10-31/functions/*/concurrency'),
    members: ['FunctionName'],
  },
  {
    operation: 'GetFunctionConcurrency',
    method: 'GET',
    path: at('/2019-09-30/functions/*/concurrency'),
    members: ['FunctionName'],
  },
  {
    operation: 'DeleteFunctionConcurrency',
    method: 'DELETE',
    path: at('/2017-10-31/functions/*/concurrency'),
    members: ['FunctionName'],
    status: 204,
  },
  { operation: 'CreateEventSourceMapping', method: 'POST', path: at(mappings), members: [], status: 202 },
  {
    operation: 'ListEventSourceMappings',
    method: 'GET',
    path: at(mappings),
    members: [],
    query: { ...pages, EventSourceArn: 'EventSourceArn', FunctionName: 'FunctionName' },
  },
  { operation: 'GetEventSourceMapping', method: 'GET', path: at(`${mappings}/*`), members: ['UUID'] },
  {
    operation: 'UpdateEventSourceMapping',
    method: 'PUT',
    path: at(`${mappings}/*`),
    members: ['UUID'],
    status: 202,
  },
  {
    operation: 'DeleteEventSourceMapping',
    method: 'DELETE',
    path: at(`${mappings}/*`),
    members: ['UUID'],
    status: 202,
  },
  { operation: 'ListTags', method: 'GET', path: at('/2017-03-31/tags/*'), members: ['Resource'] },
  { operation: 'TagResource', method: 'POST', path: at('/2017-03-31/tags/*'), members: ['Resource'], status: 204 },
  {
    operation: 'UntagResource',
    method: 'DELETE',
    path: at('/2017-03-31/tags/*'),
    members: ['Resource'],
    query: { tagKeys: 'TagKeys' },
    status: 204,
  },
];

export interface LambdaCall {
  readonly operation: string;
  readonly input: Record<string, unknown>;
  readonly status: number;
}

/** Undefined where the path is not one of Lambda's. Throws `AwsError` where the body is no JSON object. */
export function readLambdaCall(request: {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}): LambdaCall | undefined {
  for (const binding of bindings) {
    if (binding.method !== request.method) continue;
    const found = binding.path.exec(request.path);
    if (found === null) continue;
    const input: Record<string, unknown> =
      binding.operation === 'Invoke' ? invokeInput(request) : parseObject(request.body);
    binding.members.forEach((member, index) => {
      input[member] = decodeURIComponent(found[index + 1] ?? '');
    });
    for (const [name, member] of Object.entries(binding.query ?? {})) {
      const values = request.query.getAll(name);
      if (values.length === 0) continue;
      input[member] = member === 'TagKeys' ? values : member === 'MaxItems' ? Number(values[0]) : values[0];
    }
    return { operation: binding.operation, input, status: binding.status ?? 200 };
  }
  return undefined;
}

function invokeInput(request: Parameters<typeof readLambdaCall>[0]): Record<string, unknown> {
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    // The payload stays the text that came in: parsed and printed again, a 64-bit number would be another one.
    Payload: request.body,
    InvocationType: header('x-amz-invocation-type') ?? 'RequestResponse',
    LogType: header('x-amz-log-type') ?? 'None',
  };
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
  throw new AwsError('InvalidRequestContentException', 'Could not parse request body into json: it is no JSON object');
}
