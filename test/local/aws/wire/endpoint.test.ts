import { get } from 'node:http';
import { ListRulesCommand, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { GetSecretValueCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalAws, startLocalAws } from './local-aws.ts';

let aws: LocalAws;
beforeAll(async () => {
  aws = await startLocalAws();
});
afterAll(() => aws.stop());

const signed = (service: string) =>
  `AWS4-HMAC-SHA256 Credential=AKIATESTER/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=x`;

describe('Secrets Manager', () => {
  test('keeps the current and the previous value of a secret', async () => {
    const SecretId = aws.secretStore.create({ name: 'token', value: 'first' });
    const value = async (VersionStage?: string) =>
      (await aws.secrets.send(new GetSecretValueCommand({ SecretId, ...(VersionStage && { VersionStage }) })))
        .SecretString;
    expect(await value()).toBe('first');
    await expect(value('AWSPREVIOUS')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    for (const SecretString of ['second', 'third']) {
      await aws.secrets.send(new PutSecretValueCommand({ SecretId, SecretString }));
    }
    expect([await value(), await value('AWSCURRENT'), await value('AWSPREVIOUS')]).toEqual([
      'third',
      'third',
      'second',
    ]);
  });

  test('takes a name, an ARN, and an ARN without its suffix', async () => {
    const arn = aws.secretStore.create({ name: 'by-arn', value: 'x' });
    for (const SecretId of ['by-arn', arn, arn.slice(0, -7)]) {
      expect((await aws.secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString).toBe('x');
    }
  });

  test('changes nothing where a call is made twice under one token', async () => {
    const SecretId = aws.secretStore.create({ name: 'twice', value: 'x' });
    const put = { SecretId, SecretString: 'y', ClientRequestToken: 'a'.repeat(32) };
    for (let time = 0; time < 2; time++) await aws.secrets.send(new PutSecretValueCommand(put));
    const previous = new GetSecretValueCommand({ SecretId, VersionStage: 'AWSPREVIOUS' });
    expect((await aws.secrets.send(previous)).SecretString).toBe('x');
  });
});

describe('EventBridge and SQS over HTTP', () => {
  test('bring an event from the bus to a queue, as the real clients speak', async () => {
    const policy = JSON.stringify({
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: '*' },
      ],
    });
    const queue = { QueueName: 'events', Attributes: { Policy: policy } };
    const { QueueUrl = '' } = await aws.sqs.send(new CreateQueueCommand(queue));
    expect(QueueUrl).toBe(`${aws.url}/000000000000/events`);
    aws.buses.createBus('bus');
    await aws.events.send(
      new PutRuleCommand({ Name: 'rule', EventBusName: 'bus', EventPattern: '{"detail":{"id":[9007199254740993]}}' }),
    );
    await aws.events.send(
      new PutTargetsCommand({
        Rule: 'rule',
        EventBusName: 'bus',
        Targets: [{ Id: 'queue', Arn: 'arn:aws:sqs:us-east-1:000000000000:events' }],
      }),
    );
    const put = await aws.events.send(
      new PutEventsCommand({
        Entries: [
          { EventBusName: 'bus', Source: 's', DetailType: 't', Detail: '{"id":9007199254740992}' },
          { EventBusName: 'bus', Source: 's', DetailType: 't', Detail: '{"id":9007199254740993}' },
        ],
      }),
    );
    expect(put.FailedEntryCount).toBe(0);
    const received = await aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }),
    );
    expect(received.Messages).toHaveLength(1);
    expect(received.Messages?.[0]?.Body).toContain('"detail":{"id":9007199254740993}');
  });

  test('answer with the exceptions that the clients know', async () => {
    const queue = aws.sqs.send(new GetQueueUrlCommand({ QueueName: 'nobody' }));
    await expect(queue).rejects.toThrow(QueueDoesNotExist);
    await expect(queue).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    const send = new SendMessageCommand({ QueueUrl: `${aws.url}/000000000000/nobody`, MessageBody: 'x' });
    await expect(aws.sqs.send(send)).rejects.toThrow(QueueDoesNotExist);
    await expect(aws.events.send(new ListRulesCommand({ EventBusName: 'nobody' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});

describe('the endpoint', () => {
  test('knows each caller by the access key', async () => {
    await aws.sqs.send(new CreateQueueCommand({ QueueName: 'mine' }));
    expect(aws.calls.at(-1)).toEqual({
      accessKeyId: 'AKIATESTER',
      region: 'us-east-1',
      service: 'sqs',
      operation: 'CreateQueue',
      input: { QueueName: 'mine' },
    });
  });

  test.each([
    ['Host', { host: 'rebound.evil.example' }],
    ['Origin', { origin: 'http://rebound.evil.example' }],
  ])('refuses a signed call of a web page, by its %s', async (name, strange) => {
    const { port } = new URL(aws.url);
    const headers = { authorization: signed('lambda'), ...strange };
    const [status, text] = await new Promise<[number | undefined, string]>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/2015-03-31/functions', headers }, (response) => {
        response.setEncoding('utf8').once('data', (body: string) => resolve([response.statusCode, body]));
      }).on('error', reject);
    });
    expect(status).toBe(403);
    expect(text).toContain(name);
  });

  test('refuses a request that nobody signed', async () => {
    const headers = { 'x-amz-target': 'AmazonSQS.ListQueues', 'content-type': 'application/x-amz-json-1.0' };
    const response = await fetch(aws.url, { method: 'POST', body: '{}', headers });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ __type: 'com.amazonaws.sqs#MissingAuthenticationTokenException' });
  });

  test.each([
    ['an operation that is not served', 'AmazonSQS.AddPermission', 'sqs.AddPermission is not served here'],
    ['a service that is not served', 'Kinesis_20131202.PutRecord', 'Kinesis_20131202.PutRecord is not served here'],
    ['an inherited name', 'AmazonSQS.toString', 'sqs.toString is not served here'],
  ])('names %s, and says so on the console', async (_name, target, message) => {
    const seenBefore = aws.bugs.length;
    const headers = {
      'x-amz-target': target,
      'content-type': 'application/x-amz-json-1.0',
      authorization: signed('sqs'),
    };
    const response = await fetch(aws.url, { method: 'POST', body: '{}', headers });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toContain(message);
    expect(String(aws.bugs[seenBefore])).toContain(message);
  });

  test('names a path that is not one of Lambda', async () => {
    const response = await fetch(`${aws.url}/2015-03-31/layers`, { headers: { authorization: signed('lambda') } });
    expect(response.status).toBe(404);
    expect(((await response.json()) as { message: string }).message).toContain(
      'GET /2015-03-31/layers is not served here',
    );
  });

  test('names a member of a request that means nothing here', async () => {
    const input = { QueueName: 'q', KmsMasterKeyId: 'key' };
    const headers = {
      'x-amz-target': 'AmazonSQS.CreateQueue',
      'content-type': 'application/x-amz-json-1.0',
      authorization: signed('sqs'),
    };
    const response = await fetch(aws.url, { method: 'POST', body: JSON.stringify(input), headers });
    expect(response.status).toBe(400);
    const { message } = (await response.json()) as { message: string };
    expect(message).toBe('sqs.CreateQueue: KmsMasterKeyId is not served here.');
  });

  test('says that a body is no JSON', async () => {
    const headers = {
      'x-amz-target': 'AmazonSQS.ListQueues',
      'content-type': 'application/x-amz-json-1.0',
      authorization: signed('sqs'),
    };
    const response = await fetch(aws.url, { method: 'POST', body: '{', headers });
    expect([response.status, response.headers.get('x-amzn-errortype')]).toEqual([400, 'SerializationException']);
    expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('tells a caller of STS who it is', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: signed('sts') };
    const response = await fetch(aws.url, {
      method: 'POST',
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
      headers,
    });
    expect(await response.text()).toContain('<Arn>arn:aws:iam::000000000000:user/AKIATESTER</Arn>');
  });
});
