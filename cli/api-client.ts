import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../lambdas/json/json.ts';
import { fieldInOptions, inCommands } from './api-hints.ts';
import { type ApiTarget, signingRegion } from './api-target.ts';
import { CommandFailed } from './command-failed.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or bytes that are sent as they are. */
  readonly body?: JsonObject | Uint8Array;
  /** The path of Drift's posts takes no AWS signature. */
  readonly unsigned?: boolean;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

/** The request may have been carried out: no answer came, the API broke off, or is still at it. */
export class AnswerLost extends CommandFailed {}

/** Sends a request and gives back what was answered with 2xx; everything else is a `CommandFailed`. */
export interface ApiClient {
  readonly target: ApiTarget;
  send(request: ApiRequest): Promise<ApiAnswer>;
}

/** An HTTP API gives up after 30 s by itself. */
const patienceMs = 40_000;

export function createApiClient(target: ApiTarget, userAgent: string): ApiClient {
  async function headersFor(request: ApiRequest, url: URL, body: Uint8Array | undefined) {
    const headers = {
      accept: 'application/json',
      'user-agent': userAgent,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    };
    if (target.kind === 'open' || request.unsigned === true) return headers;
    const region = signingRegion(target);
    // Loaded here only: the SDK's credential providers take longer to load than most commands take to run.
    const { createRequestSigner } = await import('./aws/request-signer.ts');
    return createRequestSigner({ ...target, region })({ method: request.method, url, headers, body });
  }

  return {
    target,
    async send(request) {
      const url = new URL(`${target.baseUrl}${request.path}`);
      for (const [name, value] of Object.entries(request.query ?? {})) {
        if (value !== undefined) url.searchParams.set(name, String(value));
      }
      const body = bytesOf(request.body);
      const headers = await headersFor(request, url, body);
      let response: Response;
      let text: string;
      try {
        response = await fetch(url, {
          method: request.method,
          headers,
          redirect: 'manual',
          signal: AbortSignal.timeout(patienceMs),
          ...(body === undefined ? {} : { body }),
        });
        text = await response.text();
      } catch (error) {
        throw unreachable(target, error);
      }
      return readAnswer(target, response, text);
    },
  };
}

function bytesOf(body: ApiRequest['body']): Uint8Array<ArrayBuffer> | undefined {
  if (body === undefined) return undefined;
  return body instanceof Uint8Array ? new Uint8Array(body) : new TextEncoder().encode(JSON.stringify(body));
}

function unreachable(target: ApiTarget, error: unknown): CommandFailed {
  const startHint = target.kind === 'open' ? ['Is the local run up? Start it with: npm start'] : [];
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new AnswerLost(exitCodes.unreachable, `${target.baseUrl} did not answer within ${patienceMs / 1000} s`);
  }
  const reason = networkReason(error);
  const Failure = reason === refused || reason === unknownHost ? CommandFailed : AnswerLost;
  return new Failure(exitCodes.unreachable, `nothing answers at ${target.baseUrl} (${reason})`, ...startHint);
}

/** Nobody has read the request. */
const refused = 'connection refused';
const unknownHost = 'no such host name';

/** fetch says `fetch failed`; what failed stands in its cause. */
function networkReason(error: unknown): string {
  const { cause, message } = error instanceof Error ? error : new Error(String(error));
  if (!(cause instanceof Error)) return message;
  const code = 'code' in cause ? String(cause.code) : undefined;
  if (code === 'ECONNREFUSED') return refused;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return unknownHost;
  return cause.message || code || message;
}

function readAnswer(target: ApiTarget, response: Response, text: string): ApiAnswer {
  const { status } = response;
  const body = readJson(text);
  if (status >= 200 && status < 300) {
    if (text === '') return { status, body: {} };
    if (isJsonObject(body)) return { status, body };
  }
  // The local run has AWS's services on a port of their own. Deployed, API Gateway sets this header itself.
  const isOfAws = target.kind === 'open' && response.headers.has('x-amzn-errortype');
  if (status < 400 || (!isJsonObject(body) && status < 500) || isOfAws) {
    const what = isOfAws ? 'an error of AWS' : (response.headers.get('content-type') ?? 'no content type');
    throw new CommandFailed(
      exitCodes.unreachable,
      `${target.baseUrl} is not the API of a webhook fan-out: it answered ${status} with ${what}`,
      ...(isOfAws
        ? ["Is it the port of the local run's AWS services? Its API is what npm start prints as ready."]
        : []),
    );
  }
  throw refusal(target, status, isJsonObject(body) ? body : {}, response.headers.get('retry-after'));
}

function readJson(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** A problem document (RFC 9457) in lines, each field named; API Gateway's own answers only have a `message`. */
function refusal(target: ApiTarget, status: number, problem: JsonObject, retryAfter: string | null): CommandFailed {
  const errors = (Array.isArray(problem.errors) ? problem.errors : []).filter(isJsonObject);
  const said = [problem.detail, problem.message, problem.Message, problem.title].find(
    (text) => typeof text === 'string',
  );
  const [only] = errors;
  const lines =
    errors.length === 0
      ? [`${inCommands(said ?? `the API answered ${status}`)} (${status})`]
      : errors.length === 1 && only !== undefined
        ? [fieldLine(only)]
        : [`${errors.length} fields are wrong:`, ...errors.map((error) => `  ${fieldLine(error)}`)];
  const hints = [
    ...(retryAfter === null ? [] : [`Try again in ${retryAfter} s.`]),
    ...(status === 403 && target.kind === 'signed'
      ? ['Your AWS credentials were not accepted: they need execute-api:Invoke on this API, and the right --region.']
      : []),
  ];
  // A 409 that says when to ask again: the first request under this key is under way.
  const isOpen = status >= 500 || (status === 409 && retryAfter !== null);
  const Failure = isOpen ? AnswerLost : CommandFailed;
  return new Failure(exitCodeOf(status), ...lines, ...hints);
}

function fieldLine({ field, detail }: JsonObject): string {
  return typeof field === 'string' && field !== '' ? fieldInOptions(field, String(detail)) : String(detail);
}

function exitCodeOf(status: number): ExitCode {
  if (status === 404) return exitCodes.notFound;
  if (status === 401 || status === 403) return exitCodes.notAllowed;
  if (status >= 500 || status === 429) return exitCodes.failed;
  return exitCodes.refused;
}
