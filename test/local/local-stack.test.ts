import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type LocalStackOptions, PortInUseError, startLocalStack } from '../../local/local-stack.ts';
import { aCloudAssembly, aFunction, removeCloudAssemblies } from './hand-written-assembly.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  removeCloudAssemblies();
});

type Resources = Record<string, Record<string, unknown>>;

/** Why the local run refuses to start with these resources. */
async function refusalOf(Resources: Resources, code: Record<string, string> = {}): Promise<string> {
  const notices: string[] = [];
  const options: LocalStackOptions = {
    assemblyDirectory: aCloudAssembly({ Resources }, code),
    onNotice: (text) => notices.push(text),
  };
  try {
    const stack = await startLocalStack(options);
    await stack.stop();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the local run started');
}

const aQueue = { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 60 } };

describe('the local run refuses to start with', () => {
  test('types that it does not know, and names each of them', async () => {
    const message = await refusalOf({
      Stream: { Type: 'AWS::Kinesis::Stream' },
      Queue: aQueue,
      Cluster: { Type: 'AWS::ECS::Cluster' },
    });
    expect(message).toContain('Stream (AWS::Kinesis::Stream), Cluster (AWS::ECS::Cluster)');
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'a queue',
      { Type: 'AWS::SQS::Queue', Properties: { Color: 'red' } },
      'Subject (AWS::SQS::Queue): the property Color is not served here',
    ],
    [
      'a redrive policy',
      {
        Type: 'AWS::SQS::Queue',
        Properties: { RedrivePolicy: { deadLetterTargetArn: 'a', maxReceiveCount: 1, extra: 1 } },
      },
      'RedrivePolicy.extra',
    ],
    [
      'a FIFO queue',
      { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } },
      'Subject (AWS::SQS::Queue): the property FifoQueue is not served here',
    ],
    [
      'a table',
      {
        Type: 'AWS::DynamoDB::Table',
        Properties: { AttributeDefinitions: [], KeySchema: [], KinesisStreamSpecification: {} },
      },
      'the property KinesisStreamSpecification is not served here',
    ],
    [
      "a rule's target",
      {
        Type: 'AWS::Events::Rule',
        Properties: { EventPattern: { source: ['x'] }, Targets: [{ Id: 'a', Arn: 'arn', InputTransformer: {} }] },
      },
      'Targets.0.InputTransformer',
    ],
    ['a function', aFunction('code', { VpcConfig: {} }).Fn ?? {}, 'VpcConfig'],
    [
      'an HTTP API',
      { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'x', ProtocolType: 'HTTP', CorsConfiguration: {} } },
      'CorsConfiguration',
    ],
    [
      'a WebSocket API',
      { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'x', ProtocolType: 'WEBSOCKET' } },
      'ProtocolType',
    ],
  ])('a property of %s that it does not know, and names both', async (_name, resource, message) => {
    expect(await refusalOf({ Role: aFunction('').Role ?? {}, Subject: resource })).toContain(message);
  });

  test('an attribute that it does not know', async () => {
    const Reader = { Type: 'AWS::SNS::Topic', Properties: { TopicName: { 'Fn::GetAtt': ['Queue', 'Age'] } } };
    expect(await refusalOf({ Queue: aQueue, Reader })).toContain(
      'Queue (AWS::SQS::Queue): the attribute Age is not served here',
    );
  });

  test('a function whose code is not in the assembly', async () => {
    const message = await refusalOf(aFunction('missing'));
    expect(message).toContain('Fn (AWS::Lambda::Function): InvalidParameterValueException');
    expect(message).toContain('s3://assets-000000000000/missing.zip');
  });

  test('what AWS itself would refuse: a mapping whose queue shows messages again too soon', async () => {
    const message = await refusalOf(
      {
        Queue: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 3 } },
        ...aFunction('code'),
        Mapping: {
          Type: 'AWS::Lambda::EventSourceMapping',
          Properties: { EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, FunctionName: { Ref: 'Fn' } },
        },
      },
      { code: 'export const handler = async () => {}' },
    );
    expect(message).toContain(
      'Mapping (AWS::Lambda::EventSourceMapping): InvalidParameterValueException: Queue visibility timeout: 3',
    );
  });

  test('a rule that may not send to its queue', async () => {
    const message = await refusalOf({
      Queue: aQueue,
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          EventPattern: { source: ['x'] },
          Targets: [{ Id: 'a', Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] } }],
        },
      },
    });
    expect(message).toContain('may not send to');
  });

  const answering = (status: string, reason: string): string => `export const handler = async (event) => {
    const { RequestType, ResponseURL, ResourceProperties: p } = event;
    const body = JSON.stringify({ Status: '${status}', Reason: '${reason} ' + [RequestType, p.Size, p.Deep.On].join(), PhysicalResourceId: 'made' });
    await fetch(ResponseURL, { method: 'PUT', body });
  }`;
  const withCustomResource = {
    Thing: {
      Type: 'Custom::Thing',
      Properties: { ServiceToken: { 'Fn::GetAtt': ['Fn', 'Arn'] }, Size: 3, Deep: { On: true } },
    },
    ...aFunction('code'),
  };

  test('a custom resource that failed, with the reason that its function gives', async () => {
    const message = await refusalOf(withCustomResource, { code: answering('FAILED', 'told so') });
    expect(message).toBe('Thing (Custom::Thing): told so Create,3,true');
  });

  test('a custom resource whose function throws', async () => {
    const message = await refusalOf(withCustomResource, {
      code: 'export const handler = async () => { throw new Error("broken") }',
    });
    expect(message).toContain('Thing (Custom::Thing): the function failed');
    expect(message).toContain('broken');
  });

  test('a port that somebody else has, before it takes the time to synthesise', async () => {
    const taken = createServer();
    servers.push(taken);
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(startLocalStack({ port })).rejects.toThrow(PortInUseError);
    await expect(startLocalStack({ awsPort: port })).rejects.toMatchObject({ which: 'awsPort', port });
  });
});

describe('the stack of the CDK app', () => {
  test('shows what a caller wrote on its console, and does not let the terminal obey it', async () => {
    const notices: string[] = [];
    const stack = await startLocalStack({ onNotice: (text) => notices.push(text) });
    const authorization = 'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sqs/aws4_request, Signature=x';
    await fetch(stack.aws, {
      method: 'POST',
      body: '{}',
      headers: { authorization, 'x-amz-target': 'AmazonSQS.No\u009b2Jpe' },
    });
    await stack.stop();
    expect(notices.join('\n')).toContain('No\\x9b2Jpe');
    expect(notices.join('\n')).not.toContain('\u009b');
  });

  test('says in one line what a caller asked of its AWS that is not served, as a request to the API on that port', async () => {
    const notices: string[] = [];
    const stack = await startLocalStack({ onNotice: (text) => notices.push(text) });
    expect((await fetch(`${stack.aws}/v1/subscriptions`)).status).toBe(404);
    await stack.stop();
    expect(notices).toEqual(['GET /v1/subscriptions is not served here.']);
  });

  test('runs as it is synthesised, several at once, and ends without a trace', async () => {
    const [one, other] = await Promise.all([
      startLocalStack(),
      startLocalStack({ driftToken: 'other', legacy: 'mirroring' }),
    ]);
    const post = (api: string, token: string) =>
      fetch(`${api}/drift/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ orgId: 1, type: 'new_meeting', token, data: { agentId: 1 } }),
      });
    expect(await (await fetch(`${one.api}/healthz`)).json()).toEqual({ status: 'ok' });
    expect((await post(one.api, 'local-drift-token')).status).toBe(202);
    expect((await post(other.api, 'other')).status).toBe(202);
    expect((await post(other.api, 'local-drift-token')).status).toBe(401);
    expect((await fetch(`${one.api}/nowhere`)).status).toBe(404);
    expect(one.logs.lines().map(({ text }) => text)).toContainEqual(expect.stringContaining('"accepted"'));
    const looping = one.functions.list().filter(({ name }) => one.functions.recursiveLoop(name) === 'Allow');
    expect(looping.map(({ name }) => name)).toEqual([
      expect.stringContaining('InactivityEmit'),
      expect.stringContaining('RoutesProvision'),
    ]);
    expect(Object.keys(one.tables)).toEqual(['subscriptions', 'conversations', 'settings', 'deliveries', 'events']);

    await Promise.all([one.stop(), other.stop()]);
    await one.stop();
    expect(one.workers.workerCount()).toBe(0);
    await expect(fetch(`${one.api}/healthz`)).rejects.toThrow();
    await expect(fetch(one.aws)).rejects.toThrow();
  });
});
