import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { toAttributes } from './dynamo-attributes.ts';
import type { Item } from './dynamo-batches.ts';

interface Placeholders {
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
}

// Every name has a placeholder, since any of them may be one of DynamoDB's reserved words.

/** Sets and removes attributes; a member that is undefined is left alone. */
export function updateExpression(set: Readonly<Record<string, unknown>>, remove: readonly string[] = []) {
  const values = Object.entries(toAttributes(set));
  const parts = [
    ...(values.length === 0 ? [] : [`SET ${values.map((_, index) => `#s${index} = :s${index}`).join(', ')}`]),
    ...(remove.length === 0 ? [] : [`REMOVE ${remove.map((_, index) => `#r${index}`).join(', ')}`]),
  ];
  return {
    UpdateExpression: parts.join(' '),
    ...placeholders(
      [...values.map(([name], index) => [`#s${index}`, name]), ...remove.map((name, index) => [`#r${index}`, name])],
      values.map(([, value], index) => [`:s${index}`, value]),
    ),
  };
}

/** Holds where these attributes have these values, all of each, and those of `absent` are not there. */
export function conditionExpression(expected: Item, absent: readonly string[] = []) {
  const values = Object.entries(expected);
  return {
    ConditionExpression: [
      ...values.map((_, index) => `#n${index} = :n${index}`),
      ...absent.map((_, index) => `attribute_not_exists(#a${index})`),
    ].join(' AND '),
    ...placeholders(
      [...values.map(([name], index) => [`#n${index}`, name]), ...absent.map((name, index) => [`#a${index}`, name])],
      values.map(([, value], index) => [`:n${index}`, value]),
    ),
  };
}

/** DynamoDB refuses empty ones. */
function placeholders(names: string[][], values: [string, Item[string]][]): Placeholders {
  return {
    ...(names.length === 0 ? {} : { ExpressionAttributeNames: Object.fromEntries(names) as Record<string, string> }),
    ...(values.length === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(values) }),
  };
}

/** One input of an expression and its condition. */
export function withCondition<Update extends Placeholders>(
  update: Update,
  condition: ReturnType<typeof conditionExpression>,
) {
  return {
    ...update,
    ...condition,
    ...placeholders(
      [
        ...Object.entries(update.ExpressionAttributeNames ?? {}),
        ...Object.entries(condition.ExpressionAttributeNames ?? {}),
      ],
      [
        ...Object.entries(update.ExpressionAttributeValues ?? {}),
        ...Object.entries(condition.ExpressionAttributeValues ?? {}),
      ],
    ),
  };
}

/** Undefined: the write's condition did not hold. */
export async function ifConditionHolds<Output>(write: Promise<Output>): Promise<Output | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

/** These attributes and no others. */
export function projection(attributes: readonly string[]): {
  readonly ProjectionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
} {
  return {
    ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
    ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
  };
}
