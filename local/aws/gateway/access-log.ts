import type { IncomingMessage } from 'node:http';
import type { ProxyAnswer } from './proxy-answer.ts';

/** What is known of a request when it was answered, by the names of `$context`. */
export function accessOf({
  request,
  requestId,
  answered,
  startedAt,
  latencyMs,
}: {
  readonly request: IncomingMessage;
  readonly requestId: string;
  readonly answered: ProxyAnswer;
  readonly startedAt: number;
  readonly latencyMs: number;
}): Readonly<Record<string, string | undefined>> {
  return {
    requestId,
    requestTime: new Date(startedAt).toUTCString(),
    'identity.sourceIp': request.socket.remoteAddress,
    path: (request.url ?? '/').split('?', 1)[0],
    status: String(answered.status),
    responseLength: String(answered.body.length),
    responseLatency: String(latencyMs),
  };
}

/**
 * A line of the access log: the format with each variable replaced, those without a value by `-`, as API Gateway does.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
 */
export function accessLine(format: string, known: Readonly<Record<string, string | undefined>>): string {
  return format.replaceAll(/\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)/g, (_, name: string) => {
    // Paths are strangers' text; the format is JSON.
    return JSON.stringify(known[name] ?? '-').slice(1, -1);
  });
}
