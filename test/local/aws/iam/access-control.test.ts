import { beforeEach, describe, expect, test } from 'vitest';
import { type AccessControl, createAccessControl } from '../../../../local/aws/iam/access-control.ts';
import { createGrantLedger, type GrantLedger, grantsOf } from '../../../../local/aws/iam/grant-ledger.ts';
import { createResourcePolicies } from '../../../../local/aws/iam/resource-policies.ts';
import { createRoles, type Roles } from '../../../../local/aws/iam/roles.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:orders';
const ruleArn = 'arn:aws:events:us-east-1:000000000000:rule/fanout/orders';
const roleArn = 'arn:aws:iam::000000000000:role/worker';
const caller = { functionName: 'the-function', roleArn };
const byLambda = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
const byTheBus = {
  Effect: 'Allow',
  Principal: { Service: 'events.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Resource: queueArn,
  Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
};

let told: string[];
let roles: Roles;
let ledger: GrantLedger;
let access: AccessControl;
let queuePolicy: string | undefined;

beforeEach(() => {
  told = [];
  roles = createRoles();
  ledger = createGrantLedger();
  queuePolicy = undefined;
  access = createAccessControl({
    region: 'us-east-1',
    accountId: '000000000000',
    roles,
    ledger,
    policyOf: createResourcePolicies({
      textOf: (arn) => (arn === queueArn ? queuePolicy : undefined),
      onUnreadable: (arn, why) => told.push(`${arn}: ${why}`),
    }),
    secretArn: () => undefined,
    mappedFunctionArn: () => undefined,
    onDenied: (text) => told.push(text),
  });
});

function addRole(statement: object): void {
  roles.add({
    arn: roleArn,
    name: 'worker',
    assumedBy: { Statement: byLambda },
    writtenAs: 'Worker',
  });
  roles.attach('worker', 'WorkerPolicy', { Statement: statement });
}

const sendsForRule = (sourceArn = ruleArn) =>
  access.allowsService({
    service: 'events.amazonaws.com',
    action: 'sqs:SendMessage',
    resource: queueArn,
    sourceArn,
  });

describe('a queue lets the bus send', () => {
  test('as its policy is now, and not as it was', () => {
    expect(sendsForRule()).toBe(false);
    queuePolicy = JSON.stringify({ Statement: byTheBus });
    expect(sendsForRule()).toBe(true);
    expect(sendsForRule(`${ruleArn}2`)).toBe(false);
    queuePolicy = JSON.stringify({ Statement: { ...byTheBus, Effect: 'Deny' } });
    expect(sendsForRule()).toBe(false);
    queuePolicy = '';
    expect(sendsForRule()).toBe(false);
  });

  const dated = { ...byTheBus, Condition: { DateLessThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' } } };
  test.each([
    ['is no JSON', '{'],
    ['says what is not known here', JSON.stringify({ Statement: dated })],
  ])('not where its policy %s, and the console says so once', (_why, text) => {
    queuePolicy = text;
    expect(sendsForRule()).toBe(false);
    expect(sendsForRule()).toBe(false);
    expect(told.filter((line) => line.startsWith(queueArn))).toHaveLength(1);
  });

  test('and a question asked ahead is neither use nor denial', () => {
    const ahead = {
      service: 'events.amazonaws.com',
      action: 'sqs:SendMessage',
      resource: queueArn,
      sourceArn: ruleArn,
    };
    expect(access.wouldAllowService(ahead)).toBe(false);
    queuePolicy = JSON.stringify({ Statement: byTheBus });
    expect(access.wouldAllowService(ahead)).toBe(true);
    expect(ledger.used()).toEqual([]);
    expect(told).toEqual([]);
  });
});

describe('a function', () => {
  const send = { service: 'sqs', operation: 'SendMessage', input: { QueueUrl: 'http://x/000000000000/orders' } };

  test('needs all that a call needs, and hears of the first that it lacks', () => {
    addRole({ Effect: 'Allow', Action: 'dynamodb:BatchGetItem', Resource: 'arn:aws:dynamodb:*:*:table/one' });
    const read = (...tables: string[]) =>
      access.refuseCall(caller, {
        service: 'dynamodb',
        operation: 'BatchGetItem',
        input: { RequestItems: Object.fromEntries(tables.map((table) => [table, {}])) },
      });
    expect(read('one')).toBeUndefined();
    expect(read('one', 'two')?.resource).toBe('arn:aws:dynamodb:us-east-1:000000000000:table/two');
  });

  test('is let in by the policy of a queue as well as by its own', () => {
    addRole({ Effect: 'Allow', Action: 'logs:PutLogEvents', Resource: '*' });
    expect(access.refuseCall(caller, send)?.message).toContain('no identity-based policy allows');
    queuePolicy = JSON.stringify({ Statement: { ...byTheBus, Principal: '*', Condition: {} } });
    expect(access.refuseCall(caller, send)).toBeUndefined();
  });

  test.each([
    ['lambda.amazonaws.com', undefined],
    ['events.amazonaws.com', 'iam:PassRole'],
  ])('hands on a role only to the service that the policy names: %s', (service, refused) => {
    const delivery = 'arn:aws:iam::000000000000:role/delivery';
    addRole([
      { Effect: 'Allow', Action: 'lambda:CreateFunction', Resource: '*' },
      {
        Effect: 'Allow',
        Action: 'iam:PassRole',
        Resource: delivery,
        Condition: { StringEquals: { 'iam:PassedToService': service } },
      },
    ]);
    const call = { service: 'lambda', operation: 'CreateFunction', input: { FunctionName: 'f', Role: delivery } };
    expect(access.refuseCall(caller, call)?.action).toBe(refused);
  });

  test('with a role that is not there may do nothing, and Lambda does not take it on', () => {
    expect(access.trustsLambda(roleArn)).toBe(false);
    expect(access.refuseCall(caller, send)).toBeDefined();
    addRole({ Effect: 'Allow', Action: '*', Resource: '*' });
    expect(access.trustsLambda(roleArn)).toBe(true);
    expect(access.refuseCall(caller, send)).toBeUndefined();
  });

  test('calls nothing of which nobody has said what it needs', () => {
    addRole({ Effect: 'Allow', Action: '*', Resource: '*' });
    expect(() => access.refuseCall(caller, { service: 'sqs', operation: 'AddPermission', input: {} })).toThrow(
      'sqs:AddPermission',
    );
  });

  test("gets what AWS's own policies allow", () => {
    addRole({ Effect: 'Allow', Action: 'sqs:ReceiveMessage', Resource: '*' });
    expect(access.refuseRole(caller, [{ action: 'sqs:ReceiveMessage', resource: queueArn }])).toBeUndefined();
    expect(access.refuseRole(caller, [{ action: 'sqs:SendMessage', resource: queueArn }])).toBeDefined();
  });
});

test('what is used is kept as it is written, and a Deny grants nothing', () => {
  addRole([
    {
      Sid: 'Sending',
      Effect: 'Allow',
      Action: ['sqs:Send*', 'sqs:DeleteQueue'],
      Resource: ['arn:aws:sqs:*', queueArn],
    },
    { Effect: 'Deny', Action: 'sqs:DeleteQueue', Resource: '*' },
  ]);
  const [role] = roles.list();
  expect(grantsOf(role?.statements ?? []).map(({ action, resource }) => `${action} ${resource}`)).toEqual([
    'sqs:Send* arn:aws:sqs:*',
    `sqs:Send* ${queueArn}`,
    'sqs:DeleteQueue arn:aws:sqs:*',
    `sqs:DeleteQueue ${queueArn}`,
  ]);
  access.refuseRole(caller, [{ action: 'sqs:SendMessage', resource: queueArn }]);
  access.refuseRole(caller, [{ action: 'sqs:DeleteQueue', resource: queueArn }]);
  expect(ledger.used()).toEqual([
    { policy: 'WorkerPolicy', statement: 0, sid: 'Sending', action: 'sqs:Send*', resource: 'arn:aws:sqs:*' },
  ]);
});

test('a policy for a role that is not there is an error', () => {
  expect(() => roles.attach('nobody', 'Policy', { Statement: [] })).toThrow('nobody');
});
