import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseTarget, type SignedTarget, signingRegion } from '../../cli/api-target.ts';
import { ApiOnLoopback, type SeenRequest } from './api-on-loopback.ts';
import { runCommand } from './command-run.ts';

const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

describe('where requests go', () => {
  const none = {};

  it('is the local run unless something else is said, and an option goes before the environment', () => {
    expect(chooseTarget(none, none)).toEqual({ kind: 'open', baseUrl: 'http://127.0.0.1:4400' });
    const env = { FANOUT_API: 'http://127.0.0.1:5500' };
    expect(chooseTarget(none, env)).toEqual({ kind: 'open', baseUrl: 'http://127.0.0.1:5500' });
    expect(chooseTarget({ api: 'http://localhost:1' }, env)).toEqual({ kind: 'open', baseUrl: 'http://localhost:1' });
    expect(chooseTarget({ stack: 'mine' }, env)).toEqual({ kind: 'stack', stack: 'mine' });
    expect(chooseTarget(none, { FANOUT_STACK: 'mine' })).toEqual({ kind: 'stack', stack: 'mine' });
    expect(() => chooseTarget(none, { ...env, FANOUT_STACK: 'mine' })).toThrow('two different places');
  });

  it.each(['http://127.0.0.1:1', 'http://0x7f.1:1', 'http://localhost:1', 'http://[::1]:1'])(
    'plain http goes to this machine: %s',
    (api) => {
      expect(chooseTarget({ api }, none)).toMatchObject({ kind: 'open' });
    },
  );

  it.each([
    'http://10.0.0.1:4400',
    'http://abc123.execute-api.eu-west-1.amazonaws.com',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://localhost@evil.example',
  ])('plain http goes to no other machine unless --insecure says so: %s', (api) => {
    expect(() => chooseTarget({ api }, none)).toThrow('plain http to another machine');
    expect(() => chooseTarget(none, { FANOUT_API: api })).toThrow('plain http to another machine');
    expect(chooseTarget({ api, insecure: true }, none)).toMatchObject({ kind: 'open' });
  });

  it('https is signed, in the region of the host name', () => {
    const api = 'https://abc123.execute-api.eu-west-1.amazonaws.com';
    expect(chooseTarget({ api }, { AWS_REGION: 'us-east-1' })).toEqual({
      kind: 'signed',
      baseUrl: api,
      region: 'eu-west-1',
    });
  });

  it('a domain of one’s own needs the region said, where a request is signed', () => {
    const api = 'https://hooks.example.com/base/';
    expect(() => signingRegion(chooseTarget({ api }, none) as SignedTarget)).toThrow(
      'of hooks.example.com does not show in its name: add --region',
    );
    expect(chooseTarget({ api, region: 'eu-west-1' }, none)).toMatchObject({
      baseUrl: 'https://hooks.example.com/base',
      region: 'eu-west-1',
    });
  });

  it.each(['/v1', '/v1/', '/drift/events', '/'])('takes a URL that was copied with %s behind it', (path) => {
    expect(chooseTarget({ api: `http://127.0.0.1:4400${path}` }, none)).toMatchObject({
      baseUrl: 'http://127.0.0.1:4400',
    });
  });
});

describe('a deployed stack', () => {
  let api: ApiOnLoopback;
  let cloudFormation: Server;
  let stacksAnswer: { status: number; text: string };

  beforeEach(async () => {
    api = await ApiOnLoopback.start();
    stacksAnswer = { status: 200, text: describedStack('ManagementApiUrl', `${api.url}/v1`) };
    cloudFormation = createServer((request, response) => {
      request.resume();
      response.writeHead(stacksAnswer.status, { 'content-type': 'text/xml' }).end(stacksAnswer.text);
    });
    cloudFormation.listen(0, '127.0.0.1');
    await once(cloudFormation, 'listening');
    // The SDK reads its settings from the process's environment and from files; the files are kept away.
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(cloudFormation.address() as AddressInfo).port}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    vi.stubEnv('AWS_SESSION_TOKEN', 'the-session');
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_PROFILE', undefined);
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_DEFAULT_REGION', undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    cloudFormation.close();
    await api.stop();
  });

  const deployed = ['--stack', 'WebhookFanout-prod', '--region', 'eu-west-1'];

  it('is found by its name, and its requests are signed for execute-api', async () => {
    const run = await runCommand(['deliveries', 'list', 'sub_none', '--state', 'undelivered', ...deployed]);
    expect(run).toMatchObject({ exitCode: 4 });
    expect(api.lastRequest.target).toContain('state=undelivered');
    expect(api.lastRequest.headers['x-amz-security-token']).toBe('the-session');
    expectSigned(api.lastRequest);
  });

  it('signs bodies too', async () => {
    const run = await runCommand(['orgs', 'set-quiet-period', '1', '30m', ...deployed]);
    expect(run).toMatchObject({ exitCode: 0 });
    expectSigned(api.lastRequest);
  });

  it('posts events unsigned, with the token that was given and no other', async () => {
    api.driftToken = 'prod-token';
    const stdin = '{"orgId":1,"type":"new_message","data":{"id":1,"conversationId":2}}';
    const run = await runCommand(['events', 'send', '-', '--token', 'prod-token', ...deployed], { stdin });
    expect(run).toMatchObject({ exitCode: 0 });
    expect(api.lastRequest.headers).not.toHaveProperty('authorization');
    const none = await runCommand(['events', 'send', '-', ...deployed], { stdin });
    expect(none).toMatchObject({ exitCode: 5 });
    expect(api.lastRequest.headers).not.toHaveProperty('x-verification-token');
  });

  it('that does not exist is said with 4', async () => {
    stacksAnswer = {
      status: 400,
      text: '<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id WebhookFanout-prod does not exist</Message></Error></ErrorResponse>',
    };
    expect(await runCommand(['subscriptions', 'list', ...deployed])).toEqual({
      exitCode: 4,
      out: '',
      err: 'fanout: there is no stack WebhookFanout-prod in eu-west-1\n',
    });
  });

  it('that is something else is said with 4', async () => {
    stacksAnswer = { status: 200, text: describedStack('Url', 'https://x.test') };
    const run = await runCommand(['subscriptions', 'list', ...deployed]);
    expect(run.exitCode).toBe(4);
    expect(run.err).toContain('has no output ManagementApiUrl');
  });

  it('needs a region', async () => {
    const run = await runCommand(['subscriptions', 'list', '--stack', 'WebhookFanout-prod']);
    expect(run).toEqual({ exitCode: 2, out: '', err: 'fanout: no AWS region: add --region, or set AWS_REGION\n' });
  });

  it('needs credentials', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    const run = await runCommand(['subscriptions', 'list', ...deployed]);
    expect(run).toMatchObject({ exitCode: 5, out: '' });
    expect(run.err).toMatch(/^fanout: no AWS credentials to sign with: .*\nSet AWS_PROFILE or add --profile NAME/);
  });

  it('that does not let these credentials in is said with 5', async () => {
    api.nextAnswers.push({
      status: 403,
      headers: { 'content-type': 'application/json' },
      text: '{"message":"Forbidden"}',
    });
    const run = await runCommand(['subscriptions', 'list', ...deployed]);
    expect(run.exitCode).toBe(5);
    expect(run.err).toContain('execute-api:Invoke');
  });
});

function describedStack(output: string, url: string): string {
  return `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>WebhookFanout-prod</StackName><CreationTime>2026-11-22T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs><member><OutputKey>${output}</OutputKey><OutputValue>${url}</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
}

/**
 * Computes the signature again, as API Gateway does, by the published algorithm:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
function expectSigned({ method, target, headers, bytes }: SeenRequest): void {
  const { authorization = '', host = '' } = headers;
  const [, scope = '', signedNames = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/(\S+), SignedHeaders=(\S+), Signature=(\w+)$/.exec(authorization) ?? [];
  const [date = '', region, service] = scope.split('/');
  expect([region, service]).toEqual(['eu-west-1', 'execute-api']);
  const names = signedNames.split(';');
  expect(names).toEqual(expect.arrayContaining(['host', 'x-amz-date', 'x-amz-security-token']));
  const { pathname, searchParams } = new URL(target, `http://${host}`);
  const query = [...searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort();
  const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const canonical = [
    method,
    pathname,
    query.join('&'),
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signedNames,
    sha256(bytes),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [date, 'eu-west-1', 'execute-api', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  expect(createHmac('sha256', key).update(toSign).digest('hex')).toBe(signature);
}
