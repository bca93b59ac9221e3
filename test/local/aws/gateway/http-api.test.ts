import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { type HttpApiServer, startHttpApi } from '../../../../local/aws/gateway/http-api.ts';

type Invoke = (functionArn: string, payload: string) => Promise<{ payload: string; functionError?: string }>;

const servers: HttpApiServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** An API whose every route goes to the function of the route's own key. */
async function apiWith(
  routeKeys: string[],
  invoke: Invoke,
  authorization: 'NONE' | 'AWS_IAM' = 'NONE',
  tunnel?: { hosts: string[]; routeKey: string },
) {
  const server = await startHttpApi({
    ...(tunnel === undefined ? {} : { tunnel }),
    port: 0,
    accountId: '000000000000',
    region: 'us-east-1',
    now: () => Date.UTC(2020, 2, 12, 19, 3, 58),
    invoke,
    ownPaths: { '/healthz': () => ({ status: 200, headers: [], body: Buffer.from('ok') }) },
    onBug: (error) => {
      throw error;
    },
  });
  servers.push(server);
  server.serve({
    apiId: 'api1',
    routes: routeKeys.map((routeKey) => ({ routeKey, target: { functionArn: routeKey, authorization } })),
  });
  return server;
}

interface SeenEvent {
  readonly routeKey: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
  readonly pathParameters?: Record<string, string>;
  readonly requestContext: { readonly authorizer?: { readonly iam: { readonly accountId: string } } };
}

/** Sends a request and answers the event that the function got. */
async function eventOf(routeKey: string, path: string, init: RequestInit = {}): Promise<SeenEvent> {
  let seen = '';
  const { url } = await apiWith([routeKey], async (_arn, payload) => {
    seen = payload;
    return { payload: '{"statusCode":200}' };
  });
  await fetch(`${url}${path}`, init);
  return JSON.parse(seen) as SeenEvent;
}

describe('the event that a function gets', () => {
  test('has the shape of payload format 2.0', async () => {
    let seen = '';
    const { port, url } = await apiWith(['POST /v1/{id}/x'], async (_arn, payload) => {
      seen = payload;
      return { payload: '{"statusCode":200}' };
    });
    await new Promise<void>((resolve, reject) => {
      const request = httpRequest(
        { port, host: '127.0.0.1', method: 'POST', path: '/v1/a%20b/x?p=1&p=2&q=%C3%A9' },
        (response) => response.resume().on('end', resolve),
      );
      request.on('error', reject);
      request.setHeader('X-Twice', ['one', 'two']);
      request.setHeader('Cookie', 'a=1; b=2');
      request.setHeader('Content-Type', 'application/json; charset=utf-8');
      request.setHeader('User-Agent', 'test');
      request.end('{"id":9007199254740993}');
    });
    expect(JSON.parse(seen)).toEqual({
      version: '2.0',
      routeKey: 'POST /v1/{id}/x',
      rawPath: '/v1/a%20b/x',
      rawQueryString: 'p=1&p=2&q=%C3%A9',
      cookies: ['a=1', 'b=2'],
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'test',
        'x-amzn-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
        'x-twice': 'one,two',
        host: url.slice('http://'.length),
        connection: expect.any(String),
        'content-length': '23',
      },
      queryStringParameters: { p: '1,2', q: 'é' },
      requestContext: {
        accountId: '000000000000',
        apiId: 'api1',
        domainName: url.slice('http://'.length),
        domainPrefix: '127',
        http: { method: 'POST', path: '/v1/a%20b/x', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        routeKey: 'POST /v1/{id}/x',
        stage: '$default',
        time: '12/Mar/2020:19:03:58 +0000',
        timeEpoch: 1584039838000,
      },
      body: '{"id":9007199254740993}',
      pathParameters: { id: 'a b' },
      isBase64Encoded: false,
    });
  });

  test.each([
    ['application/octet-stream', Buffer.from([0, 1, 255])],
    ['application/x-www-form-urlencoded', Buffer.from('a=1')],
    ['application/json', Buffer.from([0x7b, 0xff, 0x7d])],
    ['', Buffer.from('{}')],
  ])('has a body of type "%s" in base64 where it is no text, byte for byte', async (type, bytes) => {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
    const event = await eventOf('POST /', '/', { method: 'POST', body: new Uint8Array(bytes), headers });
    expect(event.isBase64Encoded).toBe(true);
    expect(Buffer.from(event.body ?? '', 'base64')).toEqual(bytes);
  });

  test.each(['application/json', 'text/plain', 'application/problem+json', 'application/xml'])(
    'has a body of type %s as text, white space and all',
    async (type) => {
      const event = await eventOf('POST /', '/', {
        method: 'POST',
        body: ' {"é": 1}\n',
        headers: { 'content-type': type },
      });
      expect(event).toMatchObject({ body: ' {"é": 1}\n', isBase64Encoded: false });
    },
  );

  test('lets callers of IAM routes through and says who they are', async () => {
    let seen: SeenEvent | undefined;
    const { url } = await apiWith(
      ['GET /v1'],
      async (_arn, payload) => {
        seen = JSON.parse(payload) as SeenEvent;
        return { payload: '{"statusCode":200}' };
      },
      'AWS_IAM',
    );
    expect((await fetch(`${url}/v1`)).status).toBe(200);
    expect(seen?.requestContext.authorizer?.iam.accountId).toBe('000000000000');
  });
});

describe('a request goes to', () => {
  const routes = ['GET /v1/{id}', 'GET /v1/all', 'ANY /v1/{proxy+}', 'POST /v1/{id}'];
  test.each([
    ['GET', '/v1/all', 'GET /v1/all'],
    ['GET', '/v1/7', 'GET /v1/{id}'],
    ['POST', '/v1/all', 'POST /v1/{id}'],
    ['DELETE', '/v1/all', 'ANY /v1/{proxy+}'],
    ['GET', '/v1/7/x/y', 'ANY /v1/{proxy+}'],
  ])('the most specific route: %s %s to %s', async (method, path, expected) => {
    const { url } = await apiWith(routes, async (arn) => ({ payload: JSON.stringify({ arn }) }));
    expect(await (await fetch(`${url}${path}`, { method })).json()).toEqual({ arn: expected });
  });

  test('nowhere when there is no route: 404', async () => {
    const { url } = await apiWith(['GET /a'], async () => ({ payload: '{}' }));
    const response = await fetch(`${url}/b`);
    expect([response.status, await response.json()]).toEqual([404, { message: 'Not Found' }]);
    expect((await fetch(`${url}/a`, { method: 'POST' })).status).toBe(404);
  });

  test('the local run itself for /healthz', async () => {
    const { url } = await apiWith(['GET /{any}'], async () => ({ payload: '"function"' }));
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok');
  });
});

describe('a caller gets', () => {
  const answerTo = async (payload: string, functionError?: string): Promise<Response> => {
    const outcome = { payload, ...(functionError === undefined ? {} : { functionError }) };
    const { url } = await apiWith(['GET /'], async () => outcome);
    return fetch(`${url}/`);
  };

  test('status, headers, cookies and body as the function says', async () => {
    const response = await answerTo(
      JSON.stringify({
        statusCode: 201,
        headers: { 'Content-Type': 'application/problem+json', 'X-N': 5 },
        cookies: ['a=1', 'b=2'],
        body: Buffer.from('bytes').toString('base64'),
        isBase64Encoded: true,
      }),
    );
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('x-n')).toBe('5');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.text()).toBe('bytes');
  });

  test('a 200 with JSON where the function answers a plain value, digits kept', async () => {
    const response = await answerTo('{"id":9007199254740993}');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await response.text()).toBe('{"id":9007199254740993}');
  });

  test('500 where the function fails, or answers what makes no sense', async () => {
    const failed = await answerTo('{"errorType":"Error","errorMessage":"secret"}', 'Unhandled');
    expect([failed.status, await failed.json()]).toEqual([500, { message: 'Internal Server Error' }]);
    expect((await answerTo('{"statusCode":"abc"}')).status).toBe(500);
    expect((await answerTo('{"statusCode":200,"body":{"not":"text"}}')).status).toBe(500);
  });

  test('503 where the function cannot run now', async () => {
    const { url } = await apiWith(['GET /'], async () => {
      throw new Error('throttled');
    });
    const response = await fetch(`${url}/`);
    expect([response.status, await response.json()]).toEqual([503, { message: 'Service Unavailable' }]);
  });

  test('413 for more than 10 MB, and the function hears nothing of it', async () => {
    let calls = 0;
    const { url } = await apiWith(['POST /'], async () => {
      calls++;
      return { payload: '{}' };
    });
    const body = Buffer.alloc(10 * 1024 * 1024 + 1, 'a');
    const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    expect([response.status, calls]).toEqual([413, 0]);
  });
});

describe('whoever is not at this machine', () => {
  const tunnel = { hosts: ['x.tunnel.example'], routeKey: 'POST /drift/events' };

  async function statusOf(path: string, method: string, headers: Record<string, string>) {
    let calls = 0;
    const invoke: Invoke = async () => {
      calls++;
      return { payload: '{"statusCode":202}' };
    };
    const { port } = await apiWith(['POST /drift/events', 'POST /v1/subscriptions'], invoke, 'NONE', tunnel);
    return new Promise<{ status: number | undefined; calls: number; text: string }>((resolve, reject) => {
      const request = httpRequest({ port, host: '127.0.0.1', method, path, headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, calls, text }));
      });
      request.on('error', reject);
      request.end(method === 'POST' ? '{}' : undefined);
    });
  }

  test.each([
    ['a page of another origin', '/v1/subscriptions', { origin: 'http://evil.example', 'content-type': 'text/plain' }],
    ['a page of another origin, posting events', '/drift/events', { origin: 'http://evil.example' }],
    ['a page whose name was pointed here', '/v1/subscriptions', { host: 'rebound.evil.example' }],
    ['a tunnel, for more than its route', '/v1/subscriptions', { host: 'x.tunnel.example' }],
    ['a page behind the tunnel', '/drift/events', { host: 'x.tunnel.example', origin: 'https://x.tunnel.example' }],
    ['another name', '/drift/events', { host: 'y.tunnel.example' }],
  ])('is refused: %s', async (_who, path, headers) => {
    const { status, calls, text } = await statusOf(path, 'POST', headers);
    expect([status, calls]).toEqual([403, 0]);
    expect(text).toMatch(/Host|Origin/);
  });

  test("does not see the local run's own pages", async () => {
    expect((await statusOf('/healthz', 'GET', { host: 'rebound.evil.example' })).status).toBe(403);
  });

  test('brings posts of Drift through a tunnel that is allowed', async () => {
    expect(await statusOf('/drift/events', 'POST', { host: 'x.tunnel.example' })).toMatchObject({
      status: 202,
      calls: 1,
    });
  });
});
