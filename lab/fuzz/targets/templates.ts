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

/** Mostly what belongs there, and now and then what does not: whatever is refused hides what would come after it. */
function mostly<T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: wrong });
}

function members<T>(names: readonly string[], value: fc.Arbitrary<T>, minKeys = 0): fc.Arbitrary<Json> {
  const keys = mostly(fc.constantFrom(...names), fc.constantFrom('__proto__', 'toString', ''));
  return fc.dictionary(keys, value, { minKeys, maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Json>;
}

const oddId = fc.constantFrom('Missing', '__proto__', 'toString', '', 'Queue', 'Function');
const condition = mostly(fc.constantFrom('IsProd', 'IsTest'), fc.constantFrom('Missing', 'Circle', ''));
const oddSubText = fc.constantFrom(...['Missing', '', '.', 'Queue.', '.Arn', 'x.y'].map(placeholder), '$'.concat('{'));
const anything = fc.constantFrom<Json>(null, true, 0, -1, 1e21, 'x', [], {}, [[]], { Ref: {} }, { 'Fn::Sub': [] });
const oddFunction = fc
  .tuple(
    fc.constantFrom(
      ...['Ref', 'Condition', 'Fn::GetAtt', 'Fn::Sub', 'Fn::Join', 'Fn::Split', 'Fn::Select', 'Fn::Base64', 'Fn::If'],
      ...['Fn::FindInMap', 'Fn::Equals', 'Fn::And', 'Fn::Or', 'Fn::Not', 'Fn::ImportValue', 'Fn::Cidr', 'Fn::'],
    ),
    fc.oneof(anything, fc.array(anything, { maxLength: 4 })),
  )
  .map(([name, argument]): Json => ({ [name]: argument }));

/** A condition, and what may stand in one. */
const conditionNode: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc
      .tuple(fc.constantFrom('dev', 'x', ''), fc.constant<Json>({ Ref: 'Stage' }))
      .map((pair): Json => ({ 'Fn::Equals': pair })),
    fc.constantFrom<Json>({ Condition: 'Base' }, { Condition: 'Base' }, { Condition: 'Missing' }),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((parts): Json => ({ 'Fn::And': parts })),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((parts): Json => ({ 'Fn::Or': parts })),
    tie('node').map((part): Json => ({ 'Fn::Not': [part] })),
  ),
})).node;

/** A value of a property that refers to some resources. `text` is one that comes to a text. */
function valueThatRefersTo(ids: readonly string[]): fc.Arbitrary<Json> {
  const logicalId = ids.length === 0 ? fc.constant('AWS::Region') : mostly(fc.constantFrom(...ids), oddId);
  const attributeOwner = ids.length === 0 ? oddId : logicalId;
  const reference = fc.oneof(
    { weight: 3, arbitrary: logicalId },
    fc.constantFrom('Stage', 'AWS::Region', 'AWS::NoValue'),
  );
  const subText = fc.constantFrom(
    ...[...ids, ...ids.map((id) => `${id}.Arn`), '!Literal', 'AWS::Region', 'Stage'].map(placeholder),
    `${placeholder('AWS::Region')}-${placeholder('x')}`,
  );
  const text = fc.oneof(fc.constantFrom('', 'x', 'a,b'), mostly(subText, oddSubText));
  return fc.letrec<{ node: Json; text: Json }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      text,
      reference.map((name): Json => ({ Ref: name })),
      fc
        .tuple(logicalId, mostly(fc.constant('Arn'), fc.constantFrom('Name', '', 'constructor')))
        .map((pair): Json => ({ 'Fn::GetAtt': pair })),
      attributeOwner.map((id): Json => ({ 'Fn::GetAtt': `${id}.Arn` })),
      mostly(subText, oddSubText).map((sub): Json => ({ 'Fn::Sub': sub })),
      fc
        .tuple(mostly(subText, oddSubText), members(['x', 'Queue'], tie('text')))
        .map((sub): Json => ({ 'Fn::Sub': sub })),
      fc
        .tuple(fc.constantFrom(',', ''), fc.array(tie('text'), { maxLength: 3 }))
        .map((join): Json => ({ 'Fn::Join': join })),
      fc
        .tuple(mostly(fc.constantFrom<Json>(0, '0'), anything), fc.array(tie('text'), { minLength: 1, maxLength: 3 }))
        .map((choice): Json => ({ 'Fn::Select': choice })),
      fc.tuple(condition, tie('text'), tie('text')).map((choice): Json => ({ 'Fn::If': choice })),
      fc
        .tuple(fc.constant('M'), fc.constant('k'), mostly(fc.constant('v'), fc.constantFrom('', 'toString')))
        .map((path): Json => ({ 'Fn::FindInMap': path })),
      tie('text').map((value): Json => ({ 'Fn::Base64': value })),
      { weight: 1, arbitrary: mostly<Json>(text, oddFunction) },
    ),
    node: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      { weight: 3, arbitrary: tie('text') },
      fc.constantFrom<Json>(null, true, false, 0, 1.5),
      fc.array(tie('node'), { maxLength: 3 }),
      members(['a', 'b'], tie('node')),
      fc.tuple(fc.constantFrom(',', ''), tie('text')).map((split): Json => ({ 'Fn::Split': split })),
      fc
        .tuple(condition, tie('node'), fc.constant<Json>({ Ref: 'AWS::NoValue' }))
        .map((choice): Json => ({ 'Fn::If': choice })),
    ),
  })).node;
}

function resourceAfter(ids: readonly string[]): fc.Arbitrary<Json> {
  const logicalId = ids.length === 0 ? oddId : mostly(fc.constantFrom(...ids), oddId);
  return fc
    .record(
      {
        Type: mostly<Json>(fc.constantFrom('AWS::SQS::Queue', 'AWS::DynamoDB::Table', ''), anything),
        Properties: mostly<Json>(members(['Name', 'Policy', 'Environment'], valueThatRefersTo(ids)), anything),
        DependsOn: mostly<Json>(
          ids.length === 0 ? fc.constant([]) : fc.oneof(logicalId, fc.array(logicalId, { maxLength: 1 })),
          anything,
        ),
        Condition: mostly<Json>(condition, anything),
        Metadata: anything,
        DeletionPolicy: fc.constant<Json>('Delete'),
        odd: mostly<Json>(fc.constant(null), fc.constant('UpdatePolicy')),
      },
      { requiredKeys: ['Type', 'Properties', 'odd'] },
    )
    .map(withOddMember);
}

const ids = ['Queue', 'Table', 'Function'];
const value = valueThatRefersTo(ids);
const template = fc
  .record(
    {
      Resources: mostly<Json>(
        fc.record({
          Queue: resourceAfter([]),
          Table: resourceAfter(['Queue']),
          Function: resourceAfter(['Queue', 'Table']),
        }),
        members(ids, resourceAfter(ids), 1),
      ),
      Parameters: mostly(
        fc.constantFrom<Json>(
          { Stage: { Type: 'String', Default: 'dev' } },
          { Stage: { Type: 'CommaDelimitedList', Default: 'a,b' } },
        ),
        fc.constantFrom<Json>({ Stage: { Type: 'String' } }, { Stage: 1 }, null, { Stage: { Type: 1 } }),
      ),
      Conditions: mostly<Json>(
        fc.tuple(conditionNode, conditionNode).map(([IsProd, IsTest]) => ({
          IsProd,
          IsTest,
          Base: { 'Fn::Equals': ['a', 'a'] },
          Circle: { Condition: 'Circle' },
        })),
        fc.oneof(anything, members(['IsProd', 'IsTest'], value)),
      ),
      Mappings: mostly<Json>(fc.constant({ M: { k: { v: 'x' } } }), anything),
      Outputs: mostly<Json>(
        members(
          ['A', 'B'],
          value.map((Value): Json => ({ Value })),
        ),
        anything,
      ),
      Rules: mostly(fc.constantFrom<Json>({}, { CheckBootstrapVersion: {} }), fc.constantFrom<Json>({ Other: {} }, 1)),
      odd: mostly<Json>(fc.constant(null), fc.constant('Transform')),
    },
    { requiredKeys: ['Resources', 'Parameters', 'Conditions', 'Outputs', 'Mappings', 'odd'] },
  )
  .map(withOddMember);

/** `odd` names a member that nobody knows. */
function withOddMember({ odd, ...fields }: { readonly odd: Json } & Readonly<Record<string, Json>>): Json {
  return typeof odd === 'string' ? { ...fields, [odd]: {} } : fields;
}

/** A place in a JSON value, and what is put there. */
const change = fc.tuple(
  fc.array(fc.nat(30), { minLength: 1, maxLength: 9 }),
  fc.option(value, { nil: undefined, freq: 4 }),
);

export const templates: FuzzTarget = {
  claim:
    'Any template is refused with an error that names the place, or made: each resource after those that it refers to, and nothing in its properties left to evaluate. Also the real one, with parts replaced.',
  async property() {
    const real = await synthesisedTemplate();
    const changed = fc
      .array(change, { minLength: 1, maxLength: 3 })
      .map((changes) => changes.reduce<Json>((value, [path, put]) => replaced(value, path, put), real));
    const input = fc.oneof(
      { weight: 30, arbitrary: template },
      { weight: 1, arbitrary: changed },
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

/** `value` with something else at a place, which is the nth member of the nth member of … */
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
