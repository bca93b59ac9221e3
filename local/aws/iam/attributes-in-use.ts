const notNames = new Set(
  [
    ...['set', 'remove', 'add', 'delete', 'and', 'or', 'not', 'between', 'in', 'if_not_exists', 'list_append'],
    ...['attribute_exists', 'attribute_not_exists', 'attribute_type', 'begins_with', 'contains', 'size'],
  ].map((word) => word.toLowerCase()),
);

/**
 * The top-level attributes that an UpdateItem reads or writes, its key's included: `dynamodb:Attributes`.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
export function attributesInUse(input: Readonly<Record<string, unknown>>): string[] {
  const names = (input.ExpressionAttributeNames ?? {}) as Readonly<Record<string, string>>;
  const inExpressions = [input.UpdateExpression, input.ConditionExpression].flatMap((expression) =>
    // What follows a dot is below the top; what follows a colon is a value.
    typeof expression === 'string' ? [...expression.matchAll(/(?<![.:#\w])#?[A-Za-z_]\w*/g)].map(([word]) => word) : [],
  );
  return [
    ...new Set([
      ...['Key', 'AttributeUpdates', 'Expected'].flatMap((member) => Object.keys((input[member] ?? {}) as object)),
      ...inExpressions.filter((word) => !notNames.has(word.toLowerCase())).map((word) => names[word] ?? word),
    ]),
  ];
}
