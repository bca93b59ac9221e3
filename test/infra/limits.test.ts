import { describe, expect, test } from 'vitest';
import { ofType, synthesise } from '../../lab/support/synthesised.ts';

// The longest stage makes the longest names.
const template = synthesise({ stage: 'thirteenchars', alarmEmail: 'on-call@example.com' });

/** A physical name or ARN is at most this long here: an ARN of an account with 64 characters of name. */
const maxReference = 'arn:aws:secretsmanager:ap-southeast-2:123456789012:secret:'.length + 64;

/** How long a value can be once its references are resolved. */
function maxText(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return String(value).length;
  if ('Fn::Join' in value) {
    const [, parts] = value['Fn::Join'] as [string, unknown[]];
    return parts.reduce<number>((sum, part) => sum + maxText(part), 0);
  }
  if ('Ref' in value || 'Fn::GetAtt' in value || 'Fn::Sub' in value) return maxReference;
  return Object.entries(value).reduce((sum, [key, item]) => sum + key.length + maxText(item) + 6, 2);
}

test('a template holds 500 resources and 1 MB', () => {
  expect(Object.keys(template.Resources).length).toBeLessThan(250);
  expect(JSON.stringify(template).length).toBeLessThan(500_000);
});

test.each(ofType(template, 'AWS::Lambda::Function'))(
  '%s: its environment fits into 4 KB, its description into 256',
  (_, { Properties }) => {
    const { Variables } = Properties.Environment as { Variables: Record<string, unknown> };
    const bytes = Object.entries(Variables).reduce((sum, [name, value]) => sum + name.length + maxText(value) + 2, 0);
    expect(bytes).toBeLessThan(4096);
    expect(String(Properties.Description).length).toBeLessThanOrEqual(256);
  },
);

test.each(ofType(template, 'AWS::IAM::Policy'))(
  "%s: a role's inline policies hold 10,240 characters",
  (_, { Properties }) => {
    expect(maxText(Properties.PolicyDocument)).toBeLessThan(10_240);
  },
);

test('names that are made at run time fit: 64 for rules and functions, 80 for queues', () => {
  const functions = ofType(template, 'AWS::Lambda::Function');
  const provision = functions.find(([id]) => id.startsWith('RoutesProvisionFunction'))?.[1].Properties.Environment;
  const { ROUTE_PREFIX: prefix } = (provision as { Variables: Record<string, string> }).Variables;
  const name = `${prefix}-${'x'.repeat(40)}`;
  expect(name.length).toBeLessThanOrEqual(64);
  expect(`${name}-dlq`.length).toBeLessThanOrEqual(80);
});

describe('queues', () => {
  const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping').flatMap(([, { Properties }]) => {
    const source = (Properties.EventSourceArn as { 'Fn::GetAtt': [string, string] })['Fn::GetAtt'][0];
    const lambda = (Properties.FunctionName as { Ref: string }).Ref;
    const queue = template.Resources[source];
    return queue?.Type === 'AWS::SQS::Queue' ? [{ source, mapping: Properties, queue, lambda }] : [];
  });

  test('feed four functions', () => expect(mappings).toHaveLength(4));

  test.each(mappings)(
    '$source hides a message for six times as long as its consumer may run, and its window',
    ({ mapping, queue, lambda }) => {
      const timeoutSeconds = template.Resources[lambda]?.Properties.Timeout as number;
      const windowSeconds = (mapping.MaximumBatchingWindowInSeconds as number | undefined) ?? 0;
      expect(queue.Properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * timeoutSeconds + windowSeconds);
      expect(queue.Properties.VisibilityTimeout).toBeLessThanOrEqual(12 * 60 * 60);
    },
  );

  test.each(mappings)('$source takes batches over 10 only with a window', ({ mapping }) => {
    if ((mapping.BatchSize as number) > 10) expect(mapping.MaximumBatchingWindowInSeconds).toBeGreaterThanOrEqual(1);
  });

  test.each(mappings)('$source has dead letters, kept as long as SQS keeps any', ({ queue }) => {
    const { deadLetterTargetArn } = queue.Properties.RedrivePolicy as {
      deadLetterTargetArn: { 'Fn::GetAtt': [string] };
    };
    const deadLetters = template.Resources[deadLetterTargetArn['Fn::GetAtt'][0]];
    expect(deadLetters?.Properties.MessageRetentionPeriod).toBe(14 * 24 * 60 * 60);
  });
});

test('functions behind the HTTP API answer before it gives up after 30 s', () => {
  const behind = ofType(template, 'AWS::Lambda::Function').filter(([id]) => /^(Ingest|Management)/.test(id));
  expect(behind).toHaveLength(2);
  for (const [, { Properties }] of behind) expect(Properties.Timeout).toBeLessThan(30);
});

test('a sweep ends before the next begins', () => {
  const [, sweep] = ofType(template, 'AWS::Lambda::Function').find(([id]) => id.startsWith('InactivitySweep')) ?? [];
  expect(sweep?.Properties.Timeout).toBeLessThan(60);
});

test('the invocation that clears up may take as long as CloudFormation waits for it', () => {
  const [, routes] = ofType(template, 'Custom::Routes')[0] ?? [];
  const [, provision] =
    ofType(template, 'AWS::Lambda::Function').find(([id]) => id.startsWith('RoutesProvision')) ?? [];
  expect(Number(routes?.Properties.ServiceTimeout)).toBeGreaterThan(provision?.Properties.Timeout as number);
  expect(Number(routes?.Properties.ServiceTimeout)).toBeLessThanOrEqual(3600);
});

test('the permissions that the HTTP API needs fit into the 20 KB of a function policy', () => {
  const byFunction: Record<string, number> = {};
  for (const [, { Properties }] of ofType(template, 'AWS::Lambda::Permission')) {
    const lambda = JSON.stringify(Properties.FunctionName);
    byFunction[lambda] = (byFunction[lambda] ?? 0) + maxText(Properties) + 150;
  }
  for (const size of Object.values(byFunction)) expect(size).toBeLessThan(20_480);
});
