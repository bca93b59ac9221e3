import { describe, expect, test } from 'vitest';
import { unscopedActions } from '../../infra/constructs/unscoped-actions.ts';
import { ofType, synthesise } from '../../lab/support/synthesised.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, unknown>;
}

// With all that a deploy can choose to grant.
const template = synthesise({ traces: 'on', tags: { team: 'crm' } });

const statements = ofType(template, 'AWS::IAM::Policy').flatMap(([policy, { Properties }]) => {
  const document = Properties.PolicyDocument as { Statement: Statement[] };
  return document.Statement.map((statement) => ({
    policy: policy.replace(/RoleDefaultPolicy[0-9A-F]{8}$/, ''),
    actions: [statement.Action].flat(),
    resources: [statement.Resource].flat().map((resource) => JSON.stringify(resource)),
    ...statement,
  }));
});

const actionsOf = (policy: string) =>
  statements
    .filter((statement) => statement.policy === policy)
    .flatMap(({ actions }) => actions)
    .sort();

test('no role has a policy that somebody else writes', () => {
  for (const [, { Properties }] of ofType(template, 'AWS::IAM::Role')) {
    expect(Properties.ManagedPolicyArns ?? []).toEqual([]);
  }
});

test('no action has a wildcard', () => {
  expect(statements.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([]);
});

test('without traces no role may write any', () => {
  expect(JSON.stringify(synthesise())).not.toContain('xray:');
});

test('`*` stands only where IAM knows no resource, and each such action says what it means at worst', () => {
  const unscoped = statements.filter(({ resources }) => resources.includes('"*"')).flatMap(({ actions }) => actions);
  expect([...new Set(unscoped)].sort()).toEqual(Object.keys(unscopedActions).sort());
});

test('an action for which IAM knows no resource is allowed on none: it would never match', () => {
  const scoped = statements.filter(({ resources }) => !resources.includes('"*"')).flatMap(({ actions }) => actions);
  expect(scoped.filter((action) => action in unscopedActions)).toEqual([]);
});

/** `dynamodb` for the ARN of a table, whether it is a reference or written out. */
function serviceOfResource(resource: string): string | undefined {
  const written = /:(events|sqs|lambda|s3):/.exec(resource)?.[1];
  const reference = /"(?:Ref|Fn::GetAtt)":\[?"([A-Za-z]+[0-9A-F]{8})"/.exec(resource)?.[1];
  return written ?? template.Resources[reference ?? '']?.Type.split('::')[1]?.toLowerCase();
}

test('each action is allowed on resources of its own service', () => {
  const strange = statements
    .filter(({ resources }) => !resources.includes('"*"'))
    .flatMap(({ actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => ({ action, resource }))),
    )
    .filter(({ action, resource }) => serviceOfResource(resource) !== action.split(':')[0]);
  expect(strange).toEqual([]);
});

test('the only patterns are those of what is made at run time', () => {
  const patterns = statements
    .flatMap(({ resources }) => resources)
    .filter((resource) => /.\*/.test(resource) && resource !== '"*"');
  const ends = patterns.map((pattern) => /"([^"]*\*)"\]\]\}$/.exec(pattern)?.[1]);
  expect([...new Set(ends)].sort()).toEqual(
    [
      ':event-source-mapping:*',
      ':function:fanout-prod-*',
      ':fanout-prod-*',
      ':replay/fanout-prod-*',
      '/fanout-prod-*',
    ].sort(),
  );
});

test('nothing that CloudFormation makes has a name that begins like those made at run time', () => {
  // It names what it makes after the stack, `webhook-fanout-prod-…`.
  const named = Object.values(template.Resources).flatMap(({ Properties = {} }) =>
    ['Name', 'QueueName', 'FunctionName', 'TableName', 'RuleName', 'RoleName'].map((key) => Properties[key]),
  );
  expect(named.filter((name) => typeof name === 'string' && name.startsWith('fanout-'))).toEqual([]);
});

test('mappings are made, changed and deleted for the functions of routes alone', () => {
  const mappings = statements.filter(({ actions }) =>
    actions.some((action) => /(Create|Update|Delete|Get)EventSourceMapping\b/.test(action)),
  );
  expect(mappings).toHaveLength(2);
  for (const { Condition } of mappings) {
    expect(JSON.stringify(Condition)).toMatch(/"ArnLike":\{"lambda:FunctionArn":.*:function:fanout-prod-\*/);
  }
});

test('the only role that can be handed on is that of the delivery functions, and only to Lambda', () => {
  const passing = statements.filter(({ actions }) => actions.includes('iam:PassRole'));
  expect(passing).toMatchObject([
    {
      policy: 'RoutesProvision',
      resources: [expect.stringContaining('RoutesDeliveryRole')],
      Condition: { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } },
    },
  ]);
});

test('the token of Drift is read by ingest alone', () => {
  const readers = statements.filter(({ actions }) => actions.some((action) => action.startsWith('secretsmanager:')));
  expect(readers.map(({ policy, actions }) => [policy, actions])).toEqual([
    ['Ingest', ['secretsmanager:GetSecretValue']],
  ]);
});

describe('a queue takes messages', () => {
  test.each(ofType(template, 'AWS::SQS::QueuePolicy'))(
    '%s: over TLS only, and from nobody but its rule',
    (_, { Properties }) => {
      const { Statement } = Properties.PolicyDocument as { Statement: (Statement & { Principal: unknown })[] };
      for (const { Effect, Principal, Action, Condition } of Statement) {
        if (Effect === 'Deny') expect(Condition).toEqual({ Bool: { 'aws:SecureTransport': 'false' } });
        else {
          expect(Principal).toEqual({ Service: 'events.amazonaws.com' });
          expect([Action].flat()).not.toContain('sqs:*');
          expect(JSON.stringify(Condition)).toMatch(/aws:SourceArn/);
        }
      }
      expect(Statement.some(({ Effect }) => Effect === 'Deny')).toBe(true);
    },
  );
});

test('alarms may publish to the topic: a policy of its own takes the place of the default that lets them', () => {
  const [allowed] = ofType(template, 'AWS::SNS::TopicPolicy')
    .flatMap(([, { Properties }]) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement)
    .filter(({ Effect }) => Effect === 'Allow');
  expect(allowed).toMatchObject({ Action: 'sns:Publish', Principal: { Service: 'cloudwatch.amazonaws.com' } });
  expect(JSON.stringify(allowed?.Condition)).toContain(':alarm:webhook-fanout-prod-*');
});

test('what each function may do, in full', () => {
  const policies = [...new Set(statements.map(({ policy }) => policy))].sort();
  expect(Object.fromEntries(policies.map((policy) => [policy, actionsOf(policy)]))).toMatchSnapshot();
});

describe('a function that may cause its own invocation', () => {
  const withoutHash = (id: string) => id.replace(/Function[0-9A-F]{8}$/, '');
  /** Made at run time, each with its queue; named like this, as what they may do is. */
  const delivery = 'RoutesDelivery';
  const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => ({
    source: JSON.stringify(Properties.EventSourceArn),
    reader: withoutHash((Properties.FunctionName as { Ref: string }).Ref),
  }));
  const readersOf = (queue: string) =>
    queue.includes(':fanout-prod-*')
      ? [delivery]
      : mappings.filter(({ source }) => source === queue).map(({ reader }) => reader);
  const invoked = (arn: string) =>
    arn.includes(':fanout-prod-*') ? delivery : withoutHash(/"Fn::GetAtt":\["(\w+)"/.exec(arn)?.[1] ?? arn);
  /** Subscribers hear of any event. What functions derive has a cause, which the rule that wants none does not let through. */
  const hearers = [
    delivery,
    ...ofType(template, 'AWS::Events::Rule')
      .filter(
        ([
          ,
          {
            Properties: { EventPattern: pattern },
          },
        ]) => pattern && !JSON.stringify(pattern).includes('"cause":[{"exists":false}]'),
      )
      .flatMap(([, { Properties }]) =>
        (Properties.Targets as { Arn: unknown }[]).flatMap(({ Arn }) => readersOf(JSON.stringify(Arn))),
      ),
  ];
  const invokedBy = (name: string) =>
    statements
      .filter(({ policy }) => policy === name)
      .flatMap(({ actions, resources }) => [
        ...(actions.includes('sqs:SendMessage') ? resources.flatMap(readersOf) : []),
        ...(actions.includes('lambda:InvokeFunction') ? resources.map(invoked) : []),
        ...(actions.includes('events:PutEvents') ? hearers : []),
      ]);

  function causes(name: string, seen = new Set<string>()): ReadonlySet<string> {
    for (const next of invokedBy(name)) {
      if (seen.has(next)) continue;
      seen.add(next);
      causes(next, seen);
    }
    return seen;
  }

  test('through queues, the bus or at once is no runaway loop to Lambda, and no other function is let loop', () => {
    const functions = ofType(template, 'AWS::Lambda::Function').map(
      ([id, { Properties }]) => [withoutHash(id), Properties.RecursiveLoop] as const,
    );
    // desired-route.ts lets every delivery function loop.
    const allowed = [delivery, ...functions.filter(([, loop]) => loop === 'Allow').map(([name]) => name)];
    const looping = [delivery, ...functions.map(([name]) => name)].filter((name) => causes(name).has(name));
    expect(looping.sort()).toEqual(allowed.sort());
    expect(looping).toContain(delivery);
  });
});
