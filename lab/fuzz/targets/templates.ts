import fc from 'fast-check';
import { creationOrder } from '../../../local/aws/template/creation-order.ts';
import { type MadeStack, makeStack, type ResolvedResource } from '../../../local/aws/template/make-stack.ts';
import { readTemplate, type Template, TemplateError } from '../../../local/aws/template/template.ts';
import { type FuzzTarget, must } from '../fuzz-target.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** As `Fn::Sub` has it. */
function placeholder(name: string): string {
  return `\${${name}}`;
}

/** Uses each function of our templates. */
const small: Json = {
  Parameters: { Stage: { Type: 'String', Default: 'dev' } },
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue', Properties: { Tags: ['a', null, { Ref: 'AWS::NoValue' }] } },
    Table: {
      Type: 'AWS::DynamoDB::Table',
      DependsOn: ['Queue'],
      Properties: { Name: { 'Fn::Join': ['-', [{ Ref: 'Stage' }, { Ref: 'Queue' }]] } },
    },
    Function: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Queue: { 'Fn::GetAtt': ['Queue', 'Arn'] },
        Region: { 'Fn::Sub': placeholder('AWS::Region') + placeholder('!x') },
        Code: { 'Fn::Sub': placeholder('Table.Arn') },
      },
    },
  },
  Outputs: { Arn: { Value: { 'Fn::GetAtt': ['Function', 'Arn'] } } },
  Rules: { CheckBootstrapVersion: {} },
};

const name = fc.constantFrom(
  ...[
    'Queue',
    'Table',
    'Function',
    'Stage',
    'AWS::Region',
    'AWS::NoValue',
    'IsProd',
    'IsTest',
    'Arn',
    'Queue.Arn',
    'x',
  ],
  ...['Missing', '__proto__', 'constructor', '', 'a,b', ',', '0', '.', 'Queue.'],
);
const functionName = fc.constantFrom(
  ...[
    'Ref',
    'Condition',
    'Fn::GetAtt',
    'Fn::Sub',
    'Fn::Join',
    'Fn::Split',
    'Fn::Select',
    'Fn::If',
    'Fn::Base64',
    'Fn::',
  ],
);
/** What is put into a template: names that it may know, in functions that may want something else. */
const value: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 3, arbitrary: name },
    name.map((text): Json => ({ Ref: text })),
    name.map((text): Json => ({ 'Fn::Sub': `a${placeholder(text)}` })),
    fc.constantFrom<Json>(null, true, 0, -1, 1.5, 1e21, placeholder(''), [], {}),
    fc.tuple(functionName, tie('node')).map(([key, argument]): Json => ({ [key]: argument })),
    fc.tuple(functionName, fc.array(tie('node'), { maxLength: 4 })).map(([key, list]): Json => ({ [key]: list })),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(name, tie('node'), { maxKeys: 2, noNullPrototype: true }) as fc.Arbitrary<Json>,
  ),
})).node;

/** A place in a JSON value, which is the nth member of the nth member of …, and what is put there. */
const change = fc.tuple(
  fc.array(fc.nat(30), { minLength: 1, maxLength: 9 }),
  fc.option(value, { nil: undefined, freq: 4 }),
);
const changed = (base: Json, most: number): fc.Arbitrary<Json> =>
  fc
    .array(change, { maxLength: most })
    .map((changes) => changes.reduce<Json>((given, [path, put]) => replaced(given, path, put), base));

export const templates: FuzzTarget = {
  claim:
    'Any template, a small one and the real one with parts replaced, is refused with an error that names the place, or made: each resource after those that it refers to, and nothing in its properties left to evaluate.',
  async property() {
    const input = fc.oneof(
      { weight: 30, arbitrary: changed(small, 5) },
      { weight: 1, arbitrary: changed(await synthesisedTemplate(), 3) },
      { weight: 3, arbitrary: value },
    );
    return fc.asyncProperty(input, checkTemplate) as fc.IRawProperty<unknown>;
  },
};

export async function checkTemplate(given: Json): Promise<void> {
  const read = refusedOr(() => readTemplate(given));
  if (read === undefined) return;
  const order = refusedOr(() => creationOrder(read));
  if (order === undefined) return;
  must(
    order.length === Object.keys(read.Resources).length && new Set(order).size === order.length,
    'the order is not of all resources',
  );

  const first = await make(read);
  const second = await make(read);
  must(JSON.stringify(first) === JSON.stringify(second), 'made twice it differs');
  if ('refused' in first) return;
  for (const { logicalId: id, properties } of first.made) {
    must(order.includes(id), `${id} was made and is not in the order`);
    must(!holdsFunction(properties), () => `${id} has something left to evaluate: ${JSON.stringify(properties)}`);
  }
  const positions = first.made.map(({ logicalId: id }) => order.indexOf(id));
  must(
    positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0)),
    'not made in order',
  );
}

async function make(
  read: Template,
): Promise<{ readonly made: ResolvedResource[]; readonly outputs: unknown } | { readonly refused: string }> {
  const made: ResolvedResource[] = [];
  try {
    const stack: MadeStack = await makeStack(read, {
      stackName: 'fuzz',
      region: 'us-east-1',
      accountId: '000000000000',
      make(resource) {
        made.push(resource);
        return { ref: `ref-of-${resource.logicalId}`, attributes: { Arn: `arn-of-${resource.logicalId}` } };
      },
    });
    return { made, outputs: stack.outputs };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

function refusedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    messageOf(error);
    return undefined;
  }
}

/** Of an error that is meant; anything else is a fault of ours. */
function messageOf(error: unknown): string {
  if (!(error instanceof TemplateError)) throw error;
  must(error.message.length > 10, 'an error without words');
  return error.message;
}

const known = new Set(['Ref', 'Condition']);

function holdsFunction(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsFunction);
  if (typeof value === 'symbol') return true;
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  const [key = ''] = keys;
  // `Condition` alone means something in conditions only.
  if (keys.length === 1 && key !== 'Condition' && (known.has(key) || key.startsWith('Fn::'))) return true;
  return Object.values(value).some(holdsFunction);
}

/** `value` with something else at a place. */
function replaced(value: Json, path: readonly number[], put: Json | undefined): Json {
  if (typeof value !== 'object' || value === null) return put ?? null;
  const entries = Object.entries(value);
  const [step = 0, ...rest] = path;
  const at = step % Math.max(1, entries.length);
  const changed = entries.flatMap(([key, member], index): (readonly [string, Json])[] => {
    if (index !== at) return [[key, member]];
    if (rest.length > 0) return [[key, replaced(member, rest, put)]];
    return put === undefined ? [] : [[key, put]];
  });
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}

/** The CDK is loaded where it is needed: it takes seconds. */
async function synthesisedTemplate(): Promise<Json> {
  process.env.CDK_VALIDATION ??= 'false';
  const { synthesise } = await import('../../support/synthesised.ts');
  return JSON.parse(JSON.stringify(synthesise())) as Json;
}
