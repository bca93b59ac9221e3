import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type * as z from 'zod/mini';
import { parseInstant } from '../domain/subscriptions/iso-instant.ts';
import { readBody } from '../domain/subscriptions/subscription-item.ts';
import { decodeCursor } from '../http/page-cursor.ts';
import { type FieldError, firstErrors } from '../http/problem.ts';
import { problemResponse } from '../http/problem-responses.ts';
import { isJsonObject, type JsonObject, type JsonValue, nestingDepth, parseJson } from '../json/json.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** In the order in which they stand in the URL, repeated ones too. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer | undefined;
}

/** A request whose route was found, with what the path's `{…}` stand for. Its query parameters are known to the route. */
export interface RoutedRequest extends Omit<ApiRequest, 'query'> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
}

export type ApiAnswer = APIGatewayProxyStructuredResultV2;

const maxBodyBytes = 256 * 1024;
/** Deeper than any filter; a parser must not be led to its stack's end. */
const maxDepth = 100;

export function apiRequest(event: APIGatewayProxyEventV2): ApiRequest {
  const { body, isBase64Encoded, rawPath, rawQueryString, requestContext } = event;
  return {
    method: requestContext.http.method,
    path: rawPath,
    // Not queryStringParameters: there a parameter that stands twice is one, with a comma.
    query: [...new URLSearchParams(rawQueryString)],
    headers: Object.fromEntries(Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: body === undefined ? undefined : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  };
}

export function jsonAnswer(
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): ApiAnswer {
  return {
    statusCode: status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}

export function invalidFields(errors: readonly FieldError[]): ApiAnswer {
  const [first = '', ...others] = new Set(errors.map(({ field }) => field));
  const detail =
    others.length === 0
      ? `${first}: ${errors.map((error) => error.detail).join('; ')}`
      : `${others.length + 1} fields are wrong: ${[first, ...others].join(', ')}`;
  return problemResponse(400, 'Bad Request', { detail, errors });
}

export function invalidField(field: string, detail: string): ApiAnswer {
  return invalidFields([{ field, detail }]);
}

/** What is said of a parameter that should be an id of Drift's. */
export const noId = 'must be a whole number of 64 bits';

export type ReadRequest<Value> =
  | { readonly kind: 'valid'; readonly value: Value }
  | { readonly kind: 'refused'; readonly answer: ApiAnswer };

/** The body, checked. `whenEmpty`: what stands for a body that was left out, where it may be. */
export function readJsonBody<Schema extends z.ZodMiniType>(
  request: RoutedRequest,
  schema: Schema,
  whenEmpty?: JsonObject,
): ReadRequest<z.output<Schema>> {
  const parsed = parseBody(request, whenEmpty);
  if (parsed.kind === 'refused') return parsed;
  const read = readBody(schema, parsed.value);
  return read.kind === 'valid' ? read : { kind: 'refused', answer: invalidFields(read.errors) };
}

function parseBody({ body, headers }: RoutedRequest, whenEmpty: JsonObject | undefined): ReadRequest<JsonValue> {
  if (body === undefined || body.length === 0) return emptyBody(whenEmpty);
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    const detail = 'the body has a content-encoding; send it uncompressed, without that header';
    const parts = { detail, headers: { 'accept-encoding': 'identity' } };
    return { kind: 'refused', answer: problemResponse(415, 'Unsupported Media Type', parts) };
  }
  if (body.length > maxBodyBytes) {
    const detail = `the body is larger than ${maxBodyBytes} bytes`;
    return { kind: 'refused', answer: problemResponse(413, 'Content Too Large', { detail }) };
  }
  let text: string;
  try {
    // Skips a byte order mark.
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return refusal('the body is not UTF-8');
  }
  if (text.trim() === '') return emptyBody(whenEmpty);
  if (nestingDepth(text) > maxDepth) return refusal(`the body is nested deeper than ${maxDepth} levels`);
  try {
    const repeated = new Set<string>();
    const value = parseJson(text, (name) => repeated.add(name));
    if (repeated.size > 0) {
      // One of the two values would be passed over.
      const errors = firstErrors([...repeated].map((field) => ({ field, detail: 'is given more than once' })));
      return { kind: 'refused', answer: invalidFields(errors) };
    }
    return isJsonObject(value) ? { kind: 'valid', value } : refusal('the body is not a JSON object');
  } catch (error) {
    return refusal(`the body is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function emptyBody(whenEmpty: JsonObject | undefined): ReadRequest<JsonValue> {
  return whenEmpty === undefined
    ? refusal('the body is missing: send a JSON object')
    : { kind: 'valid', value: whenEmpty };
}

function refusal(detail: string): ReadRequest<never> {
  return { kind: 'refused', answer: problemResponse(400, 'Bad Request', { detail }) };
}

export const defaultPageSize = 50;
export const maxPageSize = 100;

/** Where the page before ended, of the cursor in the query string; undefined: from the beginning. */
export function readCursor<Place extends z.ZodMiniType>(
  cursor: string | undefined,
  list: string,
  place: Place,
): ReadRequest<z.output<Place> | undefined> {
  if (cursor === undefined) return { kind: 'valid', value: undefined };
  const value = decodeCursor(list, cursor, place);
  if (value !== undefined) return { kind: 'valid', value };
  return { kind: 'refused', answer: invalidField('cursor', 'is not a cursor of this list') };
}

/** How many a page may hold. */
export function readLimit({ query }: RoutedRequest): ReadRequest<number> {
  const text = query.limit;
  if (text === undefined) return { kind: 'valid', value: defaultPageSize };
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= maxPageSize) return { kind: 'valid', value };
  return { kind: 'refused', answer: invalidField('limit', `must be a whole number from 1 to ${maxPageSize}`) };
}

/** Longer than the history can be; empty days cost little. */
const defaultSpanMs = 31 * 24 * 60 * 60 * 1000;

/** Epoch ms, both inclusive. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** The time that `from` and `to` of the query string ask for. */
export function readTimeRange(
  { query: { from: fromText, to: toText } }: RoutedRequest,
  now: number,
  spanMs = defaultSpanMs,
): ReadRequest<TimeRange> {
  const refuse = (field: string, detail: string) => ({ kind: 'refused', answer: invalidField(field, detail) }) as const;
  const to = toText === undefined ? now : parseInstant(toText);
  if (to === undefined) return refuse('to', 'must be an instant in ISO 8601, UTC');
  const from = fromText === undefined ? Math.max(0, to - spanMs) : parseInstant(fromText);
  if (from === undefined) return refuse('from', 'must be an instant in ISO 8601, UTC');
  return from > to ? refuse('to', 'must be later than from') : { kind: 'valid', value: { from, to } };
}

export function noQueue(subscriptionId: string): ApiAnswer {
  return problemResponse(409, 'Conflict', {
    detail: `${subscriptionId} has no queue to put an event into; wait until its provisioning is ready`,
  });
}

export function noReplay(subscriptionId: string, name: string): ApiAnswer {
  return problemResponse(404, 'Not Found', { detail: `there is no replay ${name} of ${subscriptionId}` });
}
