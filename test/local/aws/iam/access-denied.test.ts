import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccessControl } from '../../../../local/aws/iam/access-control.ts';
import { createGrantLedger } from '../../../../local/aws/iam/grant-ledger.ts';
import { createRoles } from '../../../../local/aws/iam/roles.ts';
import { accessDenied } from '../../../../local/aws/wire/access-denied.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../../local/aws/wire/http-server.ts';

const roleArn = 'arn:aws:iam::000000000000:role/worker';
const user = 'arn:aws:sts::000000000000:assumed-role/worker/the-function';
const told: string[] = [];
let endpoint: AwsEndpoint;

/** Everything is served, and nothing is allowed to the function, but for making a function of any name. */
beforeAll(async () => {
  const roles = createRoles();
  const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
  roles.add({
    arn: roleArn,
    name: 'worker',
    assumedBy: { Statement: trust },
    writtenAs: 'Worker',
  });
  roles.attach('worker', 'Making', {
    Statement: [
      { Effect: 'Allow', Action: ['lambda:CreateFunction', 'iam:PassRole'], Resource: '*' },
      { Effect: 'Deny', Action: 'secretsmanager:*', Resource: '*' },
    ],
  });
  const access = createAccessControl({
    region: 'us-east-1',
    accountId: '000000000000',
    roles,
    ledger: createGrantLedger(),
    policyOf: () => [],
    secretArn: () => undefined,
    mappedFunctionArn: () => undefined,
    onDenied: (text) => told.push(text),
  });
  const takes = ['TableName', 'Key', 'Entries', 'QueueUrl', 'FunctionName', 'Code', 'Role', 'SecretId', 'Payload'];
  const served = { takes: [...takes, 'InvocationType', 'LogType'], answer: () => ({ StatusCode: 200, Payload: '' }) };
  const names = ['GetItem', 'PutEvents', 'SendMessageBatch', 'CreateFunction', 'Invoke', 'GetSecretValue'];
  const operations = Object.fromEntries(names.map((name) => [name, served]));
  endpoint = await startAwsEndpoint({
    port: 0,
    services: ['dynamodb', 'events', 'sqs', 'lambda', 'secretsmanager'].map((name) => ({ name, operations })),
    authorize({ accessKeyId, service, operation, input }) {
      if (accessKeyId !== 'ASIAFUNCTION') return;
      const denial = access.refuseCall({ functionName: 'the-function', roleArn }, { service, operation, input });
      if (denial !== undefined) throw accessDenied(service, denial);
    },
    onBug: (error) => {
      throw error;
    },
  });
});
afterAll(() => endpoint.close());

const client = (accessKeyId: string) => ({
  endpoint: endpoint.url,
  region: 'us-east-1',
  credentials: { accessKeyId, secretAccessKey: 'x' },
  maxAttempts: 1,
});

/** What each service's client makes of its answer. */
const calls = {
  dynamodb: (key: string) =>
    new DynamoDBClient(client(key)).send(new GetItemCommand({ TableName: 'orders', Key: { id: { S: '1' } } })),
  events: (key: string) =>
    new EventBridgeClient(client(key)).send(
      new PutEventsCommand({ Entries: [{ EventBusName: 'fanout', Source: 's' }] }),
    ),
  sqs: (key: string) =>
    new SQSClient(client(key)).send(
      new SendMessageBatchCommand({
        QueueUrl: `${endpoint.url}/000000000000/orders`,
        Entries: [{ Id: '1', MessageBody: 'x' }],
      }),
    ),
  lambda: (key: string) => new LambdaClient(client(key)).send(new InvokeCommand({ FunctionName: 'other' })),
  secretsmanager: (key: string) =>
    new SecretsManagerClient(client(key)).send(new GetSecretValueCommand({ SecretId: 'token' })),
};

describe('a call that is not allowed is answered as its service would', () => {
  test.each([
    [
      'dynamodb',
      'AccessDeniedException',
      400,
      `User: ${user} is not authorized to perform: dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/orders because no identity-based policy allows the dynamodb:GetItem action`,
    ],
    [
      'events',
      'AccessDeniedException',
      400,
      `User: ${user} is not authorized to perform: events:PutEvents on resource: arn:aws:events:us-east-1:000000000000:event-bus/fanout because no identity-based policy allows the events:PutEvents action`,
    ],
    [
      'sqs',
      'AccessDenied',
      403,
      `User: ${user} is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:000000000000:orders because no identity-based policy allows the sqs:sendmessage action`,
    ],
    [
      'lambda',
      'AccessDeniedException',
      403,
      `User: ${user} is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:000000000000:function:other because no identity-based policy allows the lambda:InvokeFunction action`,
    ],
    [
      'secretsmanager',
      'AccessDeniedException',
      400,
      `User: ${user} is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:000000000000:secret:token with an explicit deny in an identity-based policy`,
    ],
  ] as const)('%s: %s, %i', async (service, name, httpStatusCode, message) => {
    await expect(calls[service]('ASIAFUNCTION')).rejects.toMatchObject({
      name,
      message,
      $metadata: { httpStatusCode },
    });
  });

  test('code that may not be read: in the words of S3', async () => {
    const create = new CreateFunctionCommand({
      FunctionName: 'f',
      Role: roleArn,
      Code: { S3Bucket: 'assets', S3Key: 'code.zip' },
    });
    await expect(new LambdaClient(client('ASIAFUNCTION')).send(create)).rejects.toThrow(
      /^Your access has been denied by S3, .* GetObject for assets\/code\.zip\./,
    );
  });
});

test('is put on the console once, with the function and what it lacks', async () => {
  told.length = 0;
  const again = () => new LambdaClient(client('ASIAFUNCTION')).send(new InvokeCommand({ FunctionName: 'thrice' }));
  await Promise.allSettled([again(), again(), again()]);
  expect(told).toEqual([
    `the-function lacks lambda:InvokeFunction on arn:aws:lambda:us-east-1:000000000000:function:thrice (role ${roleArn})`,
  ]);
});

test('whoever is no function may do everything', async () => {
  for (const call of Object.values(calls)) await call('person');
});
