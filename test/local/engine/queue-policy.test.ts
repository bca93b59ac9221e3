import { describe, expect, it } from 'vitest';
import { allowsSend } from '../../../local/engine/queue-policy.ts';

const queueArn = 'arn:aws:sqs:us-east-1:000000000000:orders';
const ruleArn = 'arn:aws:events:us-east-1:000000000000:rule/fanout/orders';
const allow = {
  Effect: 'Allow',
  Principal: { Service: 'events.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Resource: queueArn,
};
const denyPlainText = {
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action: 'sqs:*',
  Resource: queueArn,
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};
const isAllowed = (...Statement: object[]) =>
  allowsSend(JSON.stringify({ Version: '2012-10-17', Statement }), {
    queueArn,
    service: 'events.amazonaws.com',
    sourceArn: ruleArn,
    sourceAccount: '000000000000',
  });

describe('a queue’s policy lets a rule send', () => {
  it.each<[string, object]>([
    ['without a condition', {}],
    ['by its own ARN', { Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } } }],
    ['by a pattern of ARNs', { Condition: { ArnLike: { 'AWS:SourceArn': 'arn:aws:events:*:*:rule/fanout/*' } } }],
    ['by its account', { Condition: { StringEquals: { 'aws:SourceAccount': ['000000000000'] } } }],
    ['among other services and actions', { Principal: { Service: ['sns.amazonaws.com', 'events.amazonaws.com'] } }],
    ['with every action', { Action: ['sqs:*'] }],
    ['with every principal', { Principal: '*' }],
  ])('%s', (_how, change) => {
    expect(isAllowed({ ...allow, ...change }, denyPlainText)).toBe(true);
  });
});

describe('a queue’s policy keeps a rule out', () => {
  it.each<[string, object[]]>([
    ['where it says nothing', []],
    ['where it names another rule', [{ ...allow, Condition: { ArnEquals: { 'aws:SourceArn': `${ruleArn}2` } } }]],
    ['where it names another service', [{ ...allow, Principal: { Service: 'sns.amazonaws.com' } }]],
    ['where it names another queue', [{ ...allow, Resource: `${queueArn}2` }]],
    ['where it allows another action', [{ ...allow, Action: 'sqs:ReceiveMessage' }]],
    ['where a condition cannot be known', [{ ...allow, Condition: { StringEquals: { 'aws:SourceOrgID': 'o' } } }]],
    ['where it denies what it allows', [allow, { ...allow, Effect: 'Deny' }]],
  ])('%s', (_how, statements) => {
    expect(isAllowed(...statements)).toBe(false);
  });
});
