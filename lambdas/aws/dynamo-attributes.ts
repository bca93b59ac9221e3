import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { JsonObject, JsonValue } from '../json/json.ts';

/** DynamoDB's attribute values and JSON, with numbers as they were written. A member that is undefined is left out. */
export function toAttributes(object: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, toAttribute(value as JsonValue)]),
  );
}

export function toAttribute(value: JsonValue): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'boolean') return { BOOL: value };
  if (typeof value === 'number') return { N: String(value) };
  if (JSON.isRawJSON(value)) return { N: value.rawJSON };
  if (Array.isArray(value)) return { L: value.map(toAttribute) };
  return { M: toAttributes(value as JsonObject) };
}

export function fromAttributes(attributes: Readonly<Record<string, AttributeValue>>): JsonObject {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, fromAttribute(value)]));
}

/** Sets become lists: who writes an item by hand may take either. */
export function fromAttribute(attribute: AttributeValue): JsonValue {
  if (attribute.S !== undefined) return attribute.S;
  if (attribute.N !== undefined) return numberOf(attribute.N);
  if (attribute.BOOL !== undefined) return attribute.BOOL;
  if (attribute.L !== undefined) return attribute.L.map(fromAttribute);
  if (attribute.M !== undefined) return fromAttributes(attribute.M);
  if (attribute.SS !== undefined) return [...attribute.SS];
  if (attribute.NS !== undefined) return attribute.NS.map(numberOf);
  // NULL, and bytes, which no attribute of ours holds.
  return null;
}

function numberOf(text: string): JsonValue {
  const value = Number(text);
  return String(value) === text ? value : JSON.rawJSON(text);
}
