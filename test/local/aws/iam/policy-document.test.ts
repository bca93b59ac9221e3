import { describe, expect, test } from 'vitest';
import { evaluateAccess, type Principal } from '../../../../local/aws/iam/evaluate-access.ts';
import { type PolicyKind, readPolicy } from '../../../../local/aws/iam/policy-document.ts';
import { PolicyError } from '../../../../local/aws/iam/policy-error.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:orders';
const ruleArn = 'arn:aws:events:us-east-1:000000000000:rule/fanout/orders';
const role: Principal = { kind: 'role' };
const bus: Principal = { kind: 'service', service: 'events.amazonaws.com' };

const read = (statement: object | object[], kind: PolicyKind) =>
  readPolicy({ Version: '2012-10-17', Statement: statement }, 'ThePolicy', kind);
const sending = { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: queueArn };

interface Asked {
  readonly action?: string;
  readonly resource?: string;
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

/** What the role's own policy says to sending to the queue. */
function ofRole(
  statement: object | object[],
  { action = 'sqs:SendMessage', resource = queueArn, context = {} }: Asked = {},
) {
  const identity = read(statement, 'identity');
  return evaluateAccess({ principal: role, action, resource, context }, { identity, resource: [] }).kind;
}

/** What the queue's policy says to a principal that sends for the rule. */
function ofQueue(statement: object | object[], principal: Principal = bus, identity: object[] = []) {
  const context = {
    'aws:sourcearn': [ruleArn],
    'aws:sourceaccount': ['000000000000'],
    'aws:securetransport': ['true'],
  };
  return evaluateAccess(
    { principal, action: 'sqs:SendMessage', resource: queueArn, context },
    { identity: read(identity, 'identity'), resource: read(statement, 'resource') },
  ).kind;
}

describe("a role's policy", () => {
  test('allows what it names and nothing else', () => {
    expect(ofRole(sending)).toBe('allowed');
    expect(ofRole(sending, { action: 'sqs:ReceiveMessage' })).toBe('not-allowed');
    expect(ofRole(sending, { resource: `${queueArn}2` })).toBe('not-allowed');
    expect(ofRole([])).toBe('not-allowed');
  });

  test('forbids whatever else allows it', () => {
    expect(ofRole([sending, { ...sending, Effect: 'Deny' }])).toBe('forbidden');
    expect(ofRole([{ Effect: 'Deny', Action: '*', Resource: '*' }, sending])).toBe('forbidden');
  });

  test.each([
    ['whatever the case of the action', { Action: 'SQS:sendmessage'.toLowerCase() }],
    ['by a pattern of actions', { Action: ['s3:GetObject', 'sqs:Send*'] }],
    ['by every action', { Action: '*' }],
    ['by a single character', { Resource: 'arn:aws:sqs:us-east-1:000000000000:order?' }],
    ['by a pattern in the middle of a segment', { Resource: 'arn:aws:sqs:us-*-1:000000000000:o*s' }],
    ['by a pattern that ends a segment and goes on beyond it', { Resource: 'arn:aws:sqs:us-east-1:*' }],
  ])('allows %s', (_how, change) => {
    expect(ofRole({ ...sending, ...change })).toBe('allowed');
  });

  test.each([
    ['a pattern that stops within its segment', { Resource: 'arn:aws:sqs:us-east-1:0*0:o*:s' }],
    ['one character more', { Resource: `${queueArn}?` }],
    ['an ARN in another case', { Resource: queueArn.replace('orders', 'Orders') }],
  ])('does not allow %s', (_how, change) => {
    expect(ofRole({ ...sending, ...change })).toBe('not-allowed');
  });
});

describe('a condition', () => {
  const mapping = 'lambda:CreateEventSourceMapping';
  const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:fanout-prod-sub_1';
  const holds = (condition: object, context: Readonly<Record<string, readonly string[]>>) =>
    ofRole(
      { Effect: 'Allow', Action: mapping, Resource: '*', Condition: condition },
      { action: mapping, resource: '*', context },
    ) === 'allowed';
  const given = { 'lambda:functionarn': [functionArn] };

  test.each<[string, object]>([
    ['the same ARN', { ArnEquals: { 'lambda:FunctionArn': functionArn } }],
    ['a pattern of ARNs', { ArnLike: { 'lambda:FunctionArn': 'arn:aws:lambda:*:*:function:fanout-prod-*' } }],
    ['one of several', { StringEquals: { 'lambda:FunctionArn': ['x', functionArn] } }],
    ['any case of the key', { StringLike: { 'LAMBDA:functionARN': '*fanout-?rod-*' } }],
  ])('holds for %s', (_what, condition) => {
    expect(holds(condition, given)).toBe(true);
  });

  test.each<[string, object]>([
    ['another ARN', { ArnEquals: { 'lambda:FunctionArn': `${functionArn}2` } }],
    ['a pattern whose parts are elsewhere', { ArnLike: { 'lambda:FunctionArn': 'arn:aws:lambda:*:function:*:sub_1' } }],
    ['a key that is not there', { StringEquals: { 'aws:SourceAccount': '1' } }],
    ['one of two keys only', { ArnEquals: { 'lambda:FunctionArn': functionArn, 'aws:SourceArn': functionArn } }],
    [
      'one of two operators only',
      { ArnEquals: { 'lambda:FunctionArn': functionArn }, Bool: { 'aws:SecureTransport': 'true' } },
    ],
  ])('does not hold for %s', (_what, condition) => {
    expect(holds(condition, given)).toBe(false);
  });
});

describe("a queue's policy", () => {
  const allow = { ...sending, Principal: { Service: 'events.amazonaws.com' } };
  const denyPlainText = {
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action: 'sqs:*',
    Resource: queueArn,
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };

  test.each<[string, object]>([
    ['without a condition', {}],
    ['by its own ARN', { Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } } }],
    ['by a pattern of ARNs', { Condition: { ArnLike: { 'AWS:SourceArn': 'arn:aws:events:*:*:rule/fanout/*' } } }],
    ['by its account', { Condition: { StringEquals: { 'aws:SourceAccount': ['000000000000'] } } }],
    ['among other services', { Principal: { Service: ['sns.amazonaws.com', 'events.amazonaws.com'] } }],
    ['with every action', { Action: ['sqs:*'] }],
    ['with every principal', { Principal: '*' }],
  ])('lets a rule send %s', (_how, change) => {
    expect(ofQueue([{ ...allow, ...change }, denyPlainText])).toBe('allowed');
  });

  test.each<[string, object[]]>([
    ['where it says nothing', []],
    ['where it names another rule', [{ ...allow, Condition: { ArnEquals: { 'aws:SourceArn': `${ruleArn}2` } } }]],
    ['where it names another service', [{ ...allow, Principal: { Service: 'sns.amazonaws.com' } }]],
    ['where it names another queue', [{ ...allow, Resource: `${queueArn}2` }]],
    ['where it allows another action', [{ ...allow, Action: 'sqs:ReceiveMessage' }]],
    ['where it denies what it allows', [allow, { ...allow, Effect: 'Deny' }]],
  ])('keeps a rule out %s', (_how, statements) => {
    expect(ofQueue(statements)).not.toBe('allowed');
  });

  test('and the policy of a role: one of them is enough, and each can forbid', () => {
    const byQueue = { ...sending, Principal: '*' };
    expect(ofQueue([], role, [sending])).toBe('allowed');
    expect(ofQueue([byQueue], role)).toBe('allowed');
    expect(ofQueue([{ ...byQueue, Effect: 'Deny' }], role, [sending])).toBe('forbidden');
    expect(ofQueue([byQueue], role, [{ ...sending, Effect: 'Deny' }])).toBe('forbidden');
  });
});

describe('what is not known here is refused, with the place in the policy', () => {
  test.each<[string, PolicyKind, object, string]>([
    [
      'an operator',
      'identity',
      { ...sending, Condition: { NumericLessThan: { 'aws:SourceArn': 1 } } },
      'NumericLessThan',
    ],
    [
      'a key',
      'identity',
      { ...sending, Condition: { StringEquals: { 'aws:PrincipalTag/x': 'y' } } },
      'aws:PrincipalTag/x',
    ],
    ['a policy variable', 'identity', { ...sending, Resource: `${queueArn}-\${aws:username}` }, 'policy variable'],
    ['another element', 'resource', { ...sending, NotPrincipal: '*' }, 'NotPrincipal'],
    ['all actions but some', 'identity', { ...sending, Action: undefined, NotAction: 'sqs:Delete*' }, 'NotAction'],
    ['a principal of an account', 'resource', { ...sending, Principal: { AWS: '000000000000' } }, 'Principal'],
    ['a federated principal', 'resource', { ...sending, Principal: { Federated: 'x' } }, 'Principal'],
    ['an effect', 'identity', { ...sending, Effect: 'allow' }, 'Effect'],
    ['an action without a service', 'identity', { ...sending, Action: 'SendMessage' }, 'SendMessage'],
    ['a resource that is no ARN', 'identity', { ...sending, Resource: 'orders' }, 'orders'],
    ['a wildcard for a service', 'identity', { ...sending, Resource: 'arn:aws:s*s:::x' }, 's*s'],
    ['no resource', 'identity', { ...sending, Resource: undefined }, 'Resource'],
    ['a principal in a role’s own policy', 'identity', { ...sending, Principal: '*' }, 'Principal'],
    ['no principal in a resource’s policy', 'resource', sending, 'Principal'],
  ])('%s', (_what, kind, statement, named) => {
    expect(() => read(statement, kind)).toThrow(PolicyError);
    expect(() => read(statement, kind)).toThrow(named);
    expect(() => read(statement, kind)).toThrow('ThePolicy');
  });
});
