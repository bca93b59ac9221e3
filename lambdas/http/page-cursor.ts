import type * as z from 'zod/mini';
import { type JsonObject, parseJson } from '../json/json.ts';

/** How a cursor is written. */
export const cursorPattern = /^[A-Za-z0-9_-]+$/;

/**
 * A place in a list, as a text that says nothing to its reader. `list` is the name of the list and all that it depends
 * on (the path's id, what was asked for): a cursor is of no other.
 */
export function encodeCursor(list: string, place: JsonObject): string {
  return Buffer.from(JSON.stringify([list, place])).toString('base64url');
}

/** The place, or undefined for a text that is not a cursor of this list. Anybody may have written it. */
export function decodeCursor<Place extends z.ZodMiniType>(
  list: string,
  cursor: string,
  place: Place,
): z.output<Place> | undefined {
  try {
    const parsed = parseJson(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parsed) || parsed[0] !== list) return undefined;
    return place.safeParse(parsed[1]).data;
  } catch {
    return undefined;
  }
}
