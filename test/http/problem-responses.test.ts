import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { problemResponse, problemResponses } from '../../lambdas/http/problem-responses.ts';

const silent = { info() {}, warn() {}, error() {} };

describe('problem responses', () => {
  it('answers as application/problem+json, beside headers of the caller', () => {
    const response = problemResponse(405, 'Method Not Allowed', { headers: { allow: 'GET' } });
    expect(response.statusCode).toBe(405);
    expect(response.headers).toEqual({ 'content-type': 'application/problem+json', allow: 'GET' });
    expect(JSON.parse(response.body ?? '')).toEqual({ type: 'about:blank', title: 'Method Not Allowed', status: 405 });
  });

  it('answers 500 without the text of an error that nobody expected', async () => {
    const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>()
      .use(problemResponses(silent))
      .handler(async () => {
        throw new Error('arn:aws:iam::123456789012:role/secret');
      });
    const response = await handler({} as APIGatewayProxyEventV2, {} as Context);
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('arn:aws');
  });
});
