import type { MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { Log } from '../ports/telemetry.ts';
import { type ProblemParts, problem, problemContentType } from './problem.ts';

export interface ProblemResponseParts extends ProblemParts {
  readonly headers?: Readonly<Record<string, string>>;
}

/** A problem document as the answer of an HTTP API (payload format 2.0). */
export function problemResponse(
  status: number,
  title: string,
  { headers, ...parts }: ProblemResponseParts = {},
): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: status,
    headers: { 'content-type': problemContentType, ...headers },
    body: JSON.stringify(problem(status, title, parts)),
  };
}

/**
 * Turns what a handler throws into a 500 problem document. The caller learns nothing of the error's text: it may hold
 * names of resources; the log does.
 */
export function problemResponses(
  log: Log,
): MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Error> {
  return {
    onError: async (request) => {
      log.error('A request failed with an error that nobody expected', {
        error: request.error,
        requestId: request.event?.requestContext?.requestId,
      });
      // middy takes the value that onError returns, and an early one ends the chain: so it is set, not returned.
      request.response = problemResponse(500, 'Internal Server Error', {
        detail: 'The request could not be handled. It is safe to send it again.',
      });
    },
  };
}
