import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Measure, measureNothing } from '../engine/measure.ts';
import { nextTraceHeader } from '../engine/trace-header.ts';
import { isHostNamed, refuseStranger } from '../wire/own-requests.ts';
import { readCredentialScope } from '../wire/signature.ts';
import { accessLine, accessOf } from './access-log.ts';
import { messageAnswer, type ProxyAnswer, readProxyAnswer } from './proxy-answer.ts';
import { proxyEventOf, stage } from './proxy-event.ts';
import { createRouteTable, type Route } from './route-table.ts';

/** An HTTP API of API Gateway: its routes to functions. */
export interface HttpApi {
  readonly apiId: string;
  readonly routes: readonly Route<HttpApiTarget>[];
  /** A line for each request, made of its `$context` variables. */
  readonly accessLog?: { readonly groupName: string; readonly format: string };
}

export interface HttpApiTarget {
  readonly functionArn: string;
  /** `AWS_IAM`: whoever does not sign is let through here. */
  readonly authorization: 'NONE' | 'AWS_IAM';
}

export interface HttpApiServerOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly accountId: string;
  readonly region: string;
  readonly now: () => number;
  /**
   * Runs a function; rejects where it cannot run now, and with an error whose code is `AccessDeniedException` where its
   * policy does not let the route in (`arn:aws:execute-api:…:<api>/<stage>/POST/drift/events`).
   */
  readonly invoke: (
    functionArn: string,
    payload: string,
    routeArn: string,
    traceHeader: string,
  ) => Promise<{ readonly payload: string; readonly functionError?: string }>;
  /** Paths that the local run serves itself, before any route. */
  readonly ownPaths?: Readonly<Record<string, () => ProxyAnswer>>;
  /** What a tunnel may bring under its own name; all else takes a loopback name or address. */
  readonly tunnel?: { readonly hosts: readonly string[]; readonly routeKey: string };
  readonly onBug: (error: unknown, what: string) => void;
  /** Of who signs a request to a route with `AWS_IAM`. */
  readonly mayInvoke?: (accessKeyId: string, routeArn: string) => boolean;
  readonly onAccess?: (groupName: string, line: string) => void;
  readonly measure?: Measure | undefined;
}

export interface HttpApiServer {
  readonly url: string;
  readonly port: number;
  /** Until then every request is answered 503. */
  serve(api: HttpApi): void;
  close(): Promise<void>;
}

const traceHeaderName = 'x-amzn-trace-id';
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxBodyBytes = 10 * 1024 * 1024;
const integrationTimeoutMs = 30_000;
// The event goes to Lambda as a synchronous invocation.
const maxEventBytes = 6 * 1024 * 1024;

/** Serves it on loopback only, to requests of this machine's own. Rejects with the system's error (`EADDRINUSE`) where the port is taken. */
export function startHttpApi(options: HttpApiServerOptions): Promise<HttpApiServer> {
  const { accountId, ownPaths = {}, tunnel, measure = measureNothing } = options;
  let api: HttpApi | undefined;
  let match = createRouteTable<HttpApiTarget>([]);

  const server = createServer((request, response) => {
    answer(request)
      .then((answered) => write(response, answered))
      .catch((error: unknown) => {
        if (!request.destroyed || request.complete) options.onBug(error, `${request.method} ${request.url}`);
        response.destroy();
      });
  });
  server.keepAliveTimeout = 120_000;

  async function answer(request: IncomingMessage): Promise<ProxyAnswer> {
    const method = request.method ?? 'GET';
    const target = request.url ?? '/';
    const path = target.split('?', 1)[0] ?? '/';
    const refusal = refuseStranger(request.headers, (server.address() as AddressInfo).port);
    if (refusal !== undefined && !isFromTunnel(request, `${method} ${path}`)) {
      request.resume();
      return messageAnswer(403, tunnel === undefined ? refusal : `${refusal} (--allow-host opens ${tunnel.routeKey})`);
    }
    const body = await readBody(request);
    const own = method === 'GET' && Object.hasOwn(ownPaths, path) ? ownPaths[path] : undefined;
    if (own !== undefined) return own();
    if (api === undefined) return messageAnswer(503, 'Service Unavailable');
    const startedAt = options.now();
    const requestId = randomUUID();
    const answered = await answerByApi(api, request, body, requestId);
    const latencyMs = options.now() - startedAt;
    measureRequest(api, answered.status, latencyMs);
    if (api.accessLog !== undefined) {
      const known = accessOf({ request, requestId, answered, startedAt, latencyMs });
      const line = accessLine(api.accessLog.format, { ...known, routeKey: match(method, path)?.route.routeKey });
      options.onAccess?.(api.accessLog.groupName, line);
    }
    return answered;
  }

  function isFromTunnel({ headers }: IncomingMessage, routeKey: string): boolean {
    if (tunnel === undefined || routeKey !== tunnel.routeKey || headers.origin !== undefined) return false;
    return isHostNamed(headers.host, tunnel.hosts);
  }

  /** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html */
  function measureRequest({ apiId }: HttpApi, status: number, latencyMs: number): void {
    const dimensions = { ApiId: apiId, Stage: stage };
    measure('AWS/ApiGateway', 'Count', dimensions, 1);
    measure('AWS/ApiGateway', '4xx', dimensions, status >= 400 && status < 500 ? 1 : 0);
    measure('AWS/ApiGateway', '5xx', dimensions, status >= 500 ? 1 : 0);
    measure('AWS/ApiGateway', 'Latency', dimensions, latencyMs);
  }

  async function answerByApi(
    api: HttpApi,
    request: IncomingMessage,
    body: Buffer | undefined,
    requestId: string,
  ): Promise<ProxyAnswer> {
    const method = request.method ?? 'GET';
    const target = request.url ?? '/';
    if (body === undefined) return messageAnswer(413, 'Request Entity Too Large');
    const found = match(method, target.split('?', 1)[0] ?? '/');
    if (found === undefined) return messageAnswer(404, 'Not Found');
    if (found.route.target.authorization === 'AWS_IAM') {
      const signer = readCredentialScope(request.headers.authorization)?.accessKeyId;
      const asked = `${method} ${target.split('?', 1)[0]}`;
      const requestArn = routeArnOf(api, asked, { region: options.region, accountId });
      if (signer !== undefined && options.mayInvoke?.(signer, requestArn) === false) {
        return messageAnswer(403, 'Forbidden');
      }
    }
    const traceHeader = nextTraceHeader(headerText(request, traceHeaderName), options.now());
    const event = proxyEventOf(
      {
        method,
        target,
        rawHeaders: withTraceHeader(request.rawHeaders, traceHeader),
        headers: request.headers,
        body,
        sourceIp: request.socket.remoteAddress ?? '127.0.0.1',
        protocol: `HTTP/${request.httpVersion}`,
      },
      {
        accountId,
        apiId: api.apiId,
        routeKey: found.route.routeKey,
        pathParameters: found.pathParameters,
        requestId,
        now: options.now(),
        ...(found.route.target.authorization === 'AWS_IAM' ? { authorizer: { iam: localCaller(accountId) } } : {}),
      },
    );
    const payload = JSON.stringify(event);
    if (Buffer.byteLength(payload) > maxEventBytes) return messageAnswer(413, 'Request Entity Too Large');
    const routeArn = routeArnOf(api, found.route.routeKey, { region: options.region, accountId });
    const answered = await invokeWithin(found.route.target.functionArn, payload, routeArn, traceHeader);
    return { ...answered, headers: [...answered.headers, ['apigw-requestid', requestId]] };
  }

  async function invokeWithin(
    functionArn: string,
    payload: string,
    routeArn: string,
    traceHeader: string,
  ): Promise<ProxyAnswer> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), integrationTimeoutMs);
    });
    try {
      const outcome = await Promise.race([options.invoke(functionArn, payload, routeArn, traceHeader), timeout]);
      if (outcome === undefined) return messageAnswer(503, 'Service Unavailable');
      if (outcome.functionError !== undefined) return messageAnswer(500, 'Internal Server Error');
      return readProxyAnswer(outcome.payload) ?? messageAnswer(500, 'Internal Server Error');
    } catch (error) {
      if ((error as { code?: unknown }).code === 'AccessDeniedException') {
        return messageAnswer(500, 'Internal Server Error');
      }
      // Throttled, not there, or not ready.
      return messageAnswer(503, 'Service Unavailable');
    } finally {
      clearTimeout(timer);
    }
  }

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node's 511 connections that wait to be accepted are few for a burst of which each post has its own.
    server.listen({ port: options.port, host: '127.0.0.1', backlog: 4096 }, () => {
      const { port } = server.address() as AddressInfo;
      resolve({
        url: `http://127.0.0.1:${port}`,
        port,
        serve(served) {
          match = createRouteTable(served.routes);
          api = served;
        },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

/** How a route is named in the policy of the function that it calls. */
export function routeArnOf(
  { apiId }: Pick<HttpApi, 'apiId'>,
  routeKey: string,
  { region, accountId }: { readonly region: string; readonly accountId: string },
): string {
  const [method, path] = routeKey.split(' ');
  return `arn:aws:execute-api:${region}:${accountId}:${apiId}/${stage}/${method === 'ANY' ? '*' : method}${path}`;
}

/** What IAM would have found out about who signed. */
function localCaller(accountId: string): Record<string, unknown> {
  return {
    accessKey: 'AKIALOCALOPERATOR',
    accountId,
    callerId: 'AIDALOCALOPERATOR',
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: `arn:aws:iam::${accountId}:user/local`,
    userId: 'AIDALOCALOPERATOR',
  };
}

function write(response: ServerResponse, { status, headers, body }: ProxyAnswer): void {
  const cookies = headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
  for (const [name, value] of headers) if (name !== 'set-cookie') response.setHeader(name, value);
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  response.writeHead(status);
  response.end(body);
}

function headerText(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** As API Gateway adds it: the trace's root, and no decision on sampling, which it leaves to the function. */
function withTraceHeader(rawHeaders: readonly string[], traceHeader: string): string[] {
  const others = rawHeaders.filter((_, index) => rawHeaders[index - (index % 2)]?.toLowerCase() !== traceHeaderName);
  return [...others, 'X-Amzn-Trace-Id', traceHeader.split(';', 1)[0] ?? ''];
}

/** Undefined: too long. What comes after the limit is read and dropped, so that the caller hears the answer. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('end', () => resolve(bytes > maxBodyBytes ? undefined : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}
