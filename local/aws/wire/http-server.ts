import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EngineError } from '../engine/engine-error.ts';
import { notServed } from '../not-served.ts';
import { lambdaStatusOf, queryErrorOf } from './error-answer.ts';
import { readLambdaCall } from './lambda-paths.ts';
import { refuseStranger } from './own-requests.ts';
import { refuseOtherMembers } from './request-members.ts';
import type { AwsService, Call } from './service.ts';
import { readCredentialScope } from './signature.ts';
import { isXrayCall } from './xray.ts';

export interface AwsEndpointOptions {
  readonly services: readonly AwsService[];
  /** 0: any free port. */
  readonly port: number;
  /** Before the call reaches its service; throws `EngineError` to refuse it. */
  readonly authorize?: (request: AuthorizationRequest) => void;
  /** After each call that was let through, whatever came of it. */
  readonly onCall?: ((request: AuthorizationRequest) => void) | undefined;
  /** A request that is none of AWS's (a custom resource's answer, for one). Undefined: not ours either. */
  readonly plainRequest?: (method: string, path: string, body: string) => PlainAnswer | undefined;
  /** An error that no AWS service would answer: a bug of the local run, or something that it does not do. */
  readonly onBug: (error: unknown, what: string) => void;
}

export interface AuthorizationRequest extends Call {
  readonly service: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface PlainAnswer {
  readonly status: number;
  readonly body: string;
}

export interface AwsEndpoint {
  /** `http://127.0.0.1:4401` */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** What the first part of `X-Amz-Target` says, and which JSON the service speaks. */
const targets: Readonly<Record<string, { readonly service: string; readonly namespace: string }>> = {
  DynamoDB_20120810: { service: 'dynamodb', namespace: 'com.amazonaws.dynamodb.v20120810' },
  AmazonSQS: { service: 'sqs', namespace: 'com.amazonaws.sqs' },
  AWSEvents: { service: 'events', namespace: 'com.amazonaws.events' },
  GraniteServiceVersion20100801: { service: 'cloudwatch', namespace: 'com.amazonaws.cloudwatch' },
  Logs_20140328: { service: 'logs', namespace: 'com.amazonaws.logs' },
  secretsmanager: { service: 'secretsmanager', namespace: 'com.amazonaws.secretsmanager' },
};

/** Of the services that speak the query protocol: texts in, XML out. */
const queryNamespaces: Readonly<Record<string, string>> = {
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
  cloudformation: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
};

// The largest request of all services that are served here is DynamoDB's (16 MB).
const maxBodyBytes = 16 * 1024 * 1024;

/**
 * One endpoint for all services, on loopback only, for requests of this machine's own (own-requests.ts). It speaks AWS JSON 1.0 and 1.1 (DynamoDB, SQS, EventBridge, Secrets
 * Manager), REST-JSON (Lambda, X-Ray) and the query protocol, its requests without lists (STS, CloudFormation). Rejects with the
 * system's error (`EADDRINUSE`) where the port is taken.
 */
export function startAwsEndpoint(options: AwsEndpointOptions): Promise<AwsEndpoint> {
  const services = new Map(options.services.map((service) => [service.name, service]));

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A caller that hangs up in the middle (a worker that was stopped, for one) is no fault of this side.
      if (!request.destroyed || request.complete) options.onBug(error, `${request.method} ${request.url}`);
      response.destroy();
    });
  });
  // SDK clients keep their connections; a server that closed them sooner would race with their next request.
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    response.setHeader('x-amzn-requestid', requestId);
    const refusal = refuseStranger(request.headers, (server.address() as AddressInfo).port);
    if (refusal !== undefined) {
      request.resume();
      const refused = { __type: 'AccessDeniedException', message: refusal };
      return send(response, 403, 'application/json', JSON.stringify(refused));
    }
    const body = await readBody(request);
    if (body === undefined) {
      request.resume();
      return send(response, 413, 'application/json', '{"message":"Request Entity Too Large"}');
    }

    const target = header(request, 'x-amz-target');
    if (target !== undefined) return answerJson(request, response, target, body);

    const url = new URL(request.url ?? '/', 'http://localhost');
    const plain = options.plainRequest?.(request.method ?? 'GET', url.pathname, body);
    if (plain !== undefined) return send(response, plain.status, 'text/plain', plain.body);
    if (header(request, 'content-type')?.startsWith('application/x-www-form-urlencoded')) {
      return answerQuery(request, response, body, requestId);
    }
    return answerRest(request, response, url, body);
  }

  async function answerJson(
    request: IncomingMessage,
    response: ServerResponse,
    target: string,
    body: string,
  ): Promise<void> {
    const contentType = header(request, 'content-type') ?? 'application/x-amz-json-1.0';
    const dot = target.lastIndexOf('.');
    const known = targets[target.slice(0, dot)];
    const operation = target.slice(dot + 1);
    try {
      if (known === undefined) throw unknownOperation(target);
      const output = await call(request, known.service, operation, parseInput(body));
      send(response, 200, contentType, JSON.stringify(output ?? {}));
    } catch (error) {
      const answered = answerOf(error, `${known?.service ?? target} ${operation}`);
      response.setHeader('x-amzn-errortype', answered.code);
      if (known?.service === 'sqs') response.setHeader('x-amzn-query-error', queryErrorOf(answered));
      const type = known === undefined ? answered.code : `${known.namespace}#${answered.code}`;
      send(response, answered.status, contentType, JSON.stringify({ __type: type, message: answered.message }));
    }
  }

  async function answerRest(request: IncomingMessage, response: ServerResponse, url: URL, body: string): Promise<void> {
    let what = `${request.method} ${url.pathname}`;
    try {
      if (isXrayCall(request.method ?? '', url.pathname)) {
        what = 'xray PutTraceSegments';
        const output = await call(request, 'xray', 'PutTraceSegments', parseInput(body));
        return send(response, 200, 'application/json', JSON.stringify(output));
      }
      const bound = readLambdaCall({
        method: request.method ?? 'GET',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body,
      });
      if (bound === undefined) throw unknownOperation(what, 404);
      what = `lambda ${bound.operation}`;
      const output = await call(request, 'lambda', bound.operation, bound.input);
      if (bound.operation === 'Invoke') return sendInvocation(response, output as InvokeOutput);
      send(response, bound.status, 'application/json', bound.status === 204 ? '' : JSON.stringify(output ?? {}));
    } catch (error) {
      const answered = answerOf(error, what);
      const status = lambdaStatusOf(answered);
      response.setHeader('x-amzn-errortype', answered.code);
      const text = { Type: status >= 500 ? 'Service' : 'User', message: answered.message, Message: answered.message };
      send(response, status, 'application/json', JSON.stringify(text));
    }
  }

  async function answerQuery(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    requestId: string,
  ): Promise<void> {
    const parameters = Object.fromEntries(new URLSearchParams(body));
    const operation = parameters.Action ?? '';
    const service = readCredentialScope(header(request, 'authorization'))?.service ?? '';
    try {
      const namespace = queryNamespaces[service];
      if (namespace === undefined) throw unknownOperation(`${service}.${operation}`);
      const output = await call(request, service, operation, parameters);
      const text = `<${operation}Response xmlns="${namespace}"><${operation}Result>${xmlOf(output)}</${operation}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`;
      send(response, 200, 'text/xml', text);
    } catch (error) {
      const answered = answerOf(error, `${service} ${operation}`);
      send(
        response,
        answered.status,
        'text/xml',
        `<ErrorResponse><Error><Type>Sender</Type><Code>${escapeXml(answered.code)}</Code><Message>${escapeXml(answered.message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
      );
    }
  }

  async function call(
    request: IncomingMessage,
    serviceName: string,
    operationName: string,
    input: Record<string, unknown>,
  ): Promise<unknown> {
    const scope = readCredentialScope(header(request, 'authorization'));
    if (scope === undefined) {
      throw new EngineError('MissingAuthenticationTokenException', 'Request is missing Authentication Token', 403);
    }
    const service = services.get(serviceName);
    const operation =
      service !== undefined && Object.hasOwn(service.operations, operationName)
        ? service.operations[operationName]
        : undefined;
    const what = `${serviceName}.${operationName}`;
    if (operation === undefined) throw unknownOperation(what);
    const code = serviceName === 'lambda' ? 'InvalidParameterValueException' : 'ValidationException';
    refuseOtherMembers(input, operation.takes, what, code);
    const traceHeader = header(request, 'x-amzn-trace-id');
    const caller: Call = {
      accessKeyId: scope.accessKeyId,
      region: scope.region,
      ...(traceHeader === undefined ? {} : { traceHeader }),
    };
    const asked = { ...caller, service: serviceName, operation: operationName, input };
    options.authorize?.(asked);
    try {
      return await operation.answer(input, caller);
    } finally {
      options.onCall?.(asked);
    }
  }

  function answerOf(error: unknown, what: string): EngineError {
    const isAnswer = error instanceof EngineError;
    if (!isAnswer || error.code === 'UnknownOperationException') options.onBug(error, what);
    return isAnswer ? error : new EngineError('InternalFailure', 'The local run failed; see its console.', 500);
  }

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      resolve({
        url: `http://127.0.0.1:${port}`,
        port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

interface InvokeOutput {
  readonly StatusCode: number;
  readonly Payload: string;
  readonly FunctionError?: string;
}

function sendInvocation(response: ServerResponse, output: InvokeOutput): void {
  response.setHeader('x-amz-executed-version', '$LATEST');
  if (output.FunctionError !== undefined) response.setHeader('x-amz-function-error', output.FunctionError);
  send(response, output.StatusCode, 'application/json', output.Payload);
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (status === 204) response.writeHead(status).end();
  else response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body);
}

function parseInput(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = body === '' ? {} : JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // Answered below.
  }
  throw new EngineError('SerializationException', 'The request body is no JSON object.');
}

function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else {
        chunks.length = 0;
        resolve(undefined);
      }
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function unknownOperation(what: string, status = 400): EngineError {
  return new EngineError('UnknownOperationException', `${notServed(what)}.`, status);
}

const xmlEntities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** An output in the query protocol: lists are of `member`s. */
function xmlOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => `<member>${xmlOf(item)}</member>`).join('');
  if (typeof value !== 'object' || value === null) return escapeXml(String(value));
  return Object.entries(value)
    .map(([name, member]) => `<${name}>${xmlOf(member)}</${name}>`)
    .join('');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => xmlEntities[character] ?? character);
}
