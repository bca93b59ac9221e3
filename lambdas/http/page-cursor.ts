import { isJsonObject, type JsonObject, parseJson } from '../json/json.ts';

/** How a cursor is written. */
export const cursorPattern = /^[A-Za-z0-9_-]+$/;

/** A place in a list, as a text that says nothing to its reader. `list` keeps it from being used with another list. */
export function encodeCursor(list: string, place: JsonObject): string {
  return Buffer.from(JSON.stringify([list, place])).toString('base64url');
}

/** The place, or undefined for a text that is no cursor of this list. */
export function decodeCursor(list: string, cursor: string): JsonObject | undefined {
  try {
    const parsed = parseJson(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parsed) || parsed[0] !== list || !isJsonObject(parsed[1])) return undefined;
    return parsed[1];
  } catch {
    return undefined;
  }
}
