// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how Fn::Sub spells its variables
import { describe, expect, test } from 'vitest';
import { makeStack } from '../../../../local/aws/template/make-stack.ts';
import { readTemplate } from '../../../../local/aws/template/template.ts';

/** Makes each resource with its logical id as the `Ref` and an `Arn`, and answers what each was given. */
async function resolve(template: Record<string, unknown>) {
  const properties: Record<string, unknown> = {};
  const order: string[] = [];
  const made = await makeStack(readTemplate({ Resources: {}, ...template }), {
    stackName: 'stack',
    region: 'us-east-1',
    accountId: '000000000000',
    last: (type) => type.startsWith('Custom::'),
    make: ({ logicalId, properties: given }) => {
      properties[logicalId] = given;
      order.push(logicalId);
      return { ref: `${logicalId}-ref`, attributes: { Arn: `arn:${logicalId}`, List: ['a', 'b'] } };
    },
  });
  return { properties, order, outputs: made.outputs };
}

const resourceWith = (value: unknown) => ({
  Queue: { Type: 'T' },
  Subject: { Type: 'T', Properties: { Value: value } },
});

describe('the functions of a template', () => {
  const cases: [string, unknown, unknown][] = [
    ['Ref to a resource', { Ref: 'Queue' }, 'Queue-ref'],
    ['Ref to the region', { Ref: 'AWS::Region' }, 'us-east-1'],
    ['Ref to the account', { Ref: 'AWS::AccountId' }, '000000000000'],
    ['Ref to a parameter', { Ref: 'Size' }, '3'],
    ['GetAtt as a list', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:Queue'],
    [
      'Sub of resources and attributes',
      { 'Fn::Sub': '${Queue}/${Queue.Arn}/${AWS::Partition}' },
      'Queue-ref/arn:Queue/aws',
    ],
    ['Sub that keeps what is escaped', { 'Fn::Sub': '${!Literal} ${AWS::URLSuffix}' }, '${Literal} amazonaws.com'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Queue' }, 1]] }, 'a-Queue-ref-1'],
    ['Join of a list attribute', { 'Fn::Join': [',', { 'Fn::GetAtt': ['Queue', 'List'] }] }, 'a,b'],
    ['a value without functions', { deep: [1, true, null, 'text'] }, { deep: [1, true, null, 'text'] }],
    ['members and items without a value', { a: { Ref: 'AWS::NoValue' }, b: [1, { Ref: 'AWS::NoValue' }] }, { b: [1] }],
  ];
  test.each(cases)('evaluates %s', async (_name, value, expected) => {
    const { properties } = await resolve({
      Parameters: { Size: { Type: 'Number', Default: 3 } },
      Resources: resourceWith(value),
    });
    expect(properties.Subject).toEqual({ Value: expected });
  });

  const refusals: [string, unknown, RegExp][] = [
    ['a function that is not known', { 'Fn::Cidr': [] }, /Subject\.Value: Fn::Cidr is not served here/],
    ['a reference to nothing', { Ref: 'Nobody' }, /Nobody: the template has neither a parameter nor a resource/],
    [
      'an attribute that is not known',
      { 'Fn::GetAtt': ['Queue', 'Color'] },
      /Queue \(T\): the attribute Color is not served here/,
    ],
  ];
  test.each(refusals)('names where it found %s', async (_name, value, message) => {
    await expect(resolve({ Resources: resourceWith(value) })).rejects.toThrow(message);
  });
});

describe('the resources of a template', () => {
  test('come after all that they refer to or depend on', async () => {
    const { order } = await resolve({
      Resources: {
        First: { Type: 'T', DependsOn: 'Third' },
        Second: { Type: 'T', Properties: { A: { 'Fn::Sub': 'x${First.Arn}' } } },
        Third: { Type: 'T', Properties: { A: { Ref: 'Fourth' } } },
        Fourth: { Type: 'T' },
      },
    });
    expect(order).toEqual(['Fourth', 'Third', 'First', 'Second']);
  });

  test('that are custom come after all others', async () => {
    const { order } = await resolve({
      Resources: { Custom: { Type: 'Custom::Thing', DependsOn: ['A'] }, A: { Type: 'T' }, B: { Type: 'T' } },
    });
    expect(order).toEqual(['A', 'B', 'Custom']);
  });

  test('that depend on each other in a circle are named', async () => {
    const resources = {
      Chicken: { Type: 'T', Properties: { From: { Ref: 'Egg' } } },
      Egg: { Type: 'T', DependsOn: ['Chicken'] },
    };
    await expect(resolve({ Resources: resources })).rejects.toThrow('Chicken -> Egg -> Chicken');
  });

  test('give the outputs their values', async () => {
    const { outputs } = await resolve({
      Resources: { Queue: { Type: 'T' } },
      Outputs: { Url: { Description: 'd', Value: { 'Fn::Join': ['', [{ Ref: 'Queue' }, '/x']] } } },
    });
    expect(outputs).toEqual({ Url: 'Queue-ref/x' });
  });
});

test('a section, a rule or an attribute that is not known is refused by name', async () => {
  await expect(resolve({ Transform: 'AWS::Serverless' })).rejects.toThrow(
    "the template's section Transform is not served here",
  );
  await expect(resolve({ Rules: { Other: {} } })).rejects.toThrow('Rules.Other');
  await expect(resolve({ Resources: { A: { Type: 'T', CreationPolicy: {} } } })).rejects.toThrow(
    'A (T): CreationPolicy is not served here',
  );
});

test.each([
  [{ Parameters: { Stage: { Default: 'dev' } } }, 'Parameters.Stage: the parameter has no Type'],
  [{ Parameters: { Stage: { Type: 'String', Default: {} } } }, 'Parameters.Stage: the default is neither'],
  [{ Parameters: [] }, 'Parameters: this is no map'],
  [{ Resources: { A: { Type: 'T', DependsOn: [['A']] } } }, 'A: DependsOn is neither'],
  [{ Resources: { A: { Type: 'T', Properties: { Ref: 'AWS::NoValue' } } } }, 'A: its properties are no map'],
  [{ Outputs: { Arn: null } }, 'Outputs.Arn: this is no map'],
  [{ Outputs: { Arn: {} } }, 'Outputs.Arn: the output has no Value'],
])('%j is refused by name', async (template, said) => {
  await expect(resolve(template)).rejects.toThrow(said);
});
