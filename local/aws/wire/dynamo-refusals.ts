/** `null` where an item has none at that path. Of literals and what stands at paths; a function (`size`) has a `type`. */
export type Operand = { readonly [type: string]: unknown } | null | undefined;

/** An expression as dynalite has parsed it; a path is a list. */
export interface Expression {
  readonly type: string;
  readonly args: readonly (Expression | Operand | readonly (string | number)[])[];
}

/** A request that dynalite has read and found right. */
interface Checked {
  readonly _condition?: { readonly expression: Expression };
  readonly _filter?: { readonly expression: Expression };
  readonly KeyConditions?: Readonly<Record<string, { readonly AttributeValueList?: readonly Operand[] }>>;
  readonly Item?: Attributes;
  readonly ExpressionAttributeValues?: Attributes;
  /** Of a batch of writes, lists. */
  readonly RequestItems?: Readonly<Record<string, object>>;
}

type Attributes = Readonly<Record<string, Value>>;
interface Value {
  readonly M?: Attributes;
  readonly L?: readonly Value[];
}

// 32 levels with the scalar: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxWrappers = 31;
const ordered = ['<', '<=', '>', '>=', 'between'];

/** What DynamoDB refuses as a validation error, and dynalite takes: its words, or undefined. */
export function refusalOf(request: Checked): string | undefined {
  const { Item, ExpressionAttributeValues, RequestItems = {}, KeyConditions = {}, _condition, _filter } = request;
  const written = Object.values(RequestItems).flatMap((writes) => (Array.isArray(writes) ? writes.map(itemOf) : []));
  if (
    [Item, ExpressionAttributeValues, ...written].some((map) =>
      Object.values(map ?? {}).some((value) => isTooDeep(value)),
    )
  ) {
    return 'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';
  }
  for (const [key, { AttributeValueList: values = [] }] of Object.entries(KeyConditions)) {
    if (values.some((value) => value?.S === '' || value?.B === '')) {
      return `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: ${key}`;
    }
  }
  return (
    unorderedOperand('ConditionExpression', _condition?.expression) ??
    unorderedOperand('FilterExpression', _filter?.expression)
  );
}

/** DynamoDB looks for it before it looks at any item. An attribute without an order at a path only makes it false. */
function unorderedOperand(name: string, expression: Expression | undefined): string | undefined {
  if (expression === undefined) return undefined;
  const { type, args } = expression;
  for (const arg of args) {
    if (typeof arg !== 'object' || arg === null || Array.isArray(arg)) continue;
    if ('args' in arg) {
      const refusal = unorderedOperand(name, arg as Expression);
      if (refusal !== undefined) return refusal;
      continue;
    }
    const [operandType = ''] = Object.keys(arg);
    if (ordered.includes(type) && !['S', 'N', 'B'].includes(operandType)) {
      return `Invalid ${name}: Incorrect operand type for operator or function; operator: ${type.toUpperCase()}, operand type: ${operandType}`;
    }
  }
  return undefined;
}

function isTooDeep(value: Value, wrappers = 0): boolean {
  const inner = value.L ?? Object.values(value.M ?? {});
  return wrappers > maxWrappers || inner.some((member: Value) => isTooDeep(member, wrappers + 1));
}

function itemOf({ PutRequest }: { readonly PutRequest?: { readonly Item: Attributes } }): Attributes | undefined {
  return PutRequest?.Item;
}
