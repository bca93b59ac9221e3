/** What API Gateway makes of a function's answer. */
export interface ProxyAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** API Gateway's own answers. */
export function messageAnswer(status: number, message: string): ProxyAnswer {
  return jsonAnswer(status, JSON.stringify({ message }));
}

/**
 * Reads a function's answer, payload format 2.0: an object with `statusCode` says all itself, anything else is the body
 * of a 200. Undefined: the answer makes no sense, and API Gateway answers 500.
 */
export function readProxyAnswer(payload: string): ProxyAnswer | undefined {
  const answer: unknown = JSON.parse(payload);
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer) || !('statusCode' in answer)) {
    return jsonAnswer(200, typeof answer === 'string' ? answer : payload);
  }
  const { statusCode, headers = {}, cookies = [], body, isBase64Encoded } = answer as FunctionAnswer;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined;
  if (body !== undefined && body !== null && typeof body !== 'string') return undefined;
  const named = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  // What says nothing else is plain text.
  const type = named.some(([name]) => name === 'content-type')
    ? []
    : [['content-type', 'text/plain;charset=UTF-8'] as const];
  return {
    status,
    headers: [...type, ...named, ...(cookies ?? []).map((cookie) => ['set-cookie', cookie] as const)],
    body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}

interface FunctionAnswer {
  readonly statusCode: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
  readonly cookies?: readonly string[] | null;
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
}

function jsonAnswer(status: number, text: string): ProxyAnswer {
  return { status, headers: [['content-type', 'application/json']], body: Buffer.from(text) };
}
