import { isJsonObject, type JsonObject } from '../lambdas/json/json.ts';
import type { ApiClient } from './api-client.ts';

export interface Listed {
  readonly items: readonly JsonObject[];
  /** There is more than was asked for. */
  readonly hasMore: boolean;
}

/** The API's greatest page. */
const pageSize = 100;

/** Reads a list page by page, up to `limit` items. `name` is where a page holds its items. */
export async function readPages(
  api: ApiClient,
  path: string,
  name: string,
  { limit, query = {} }: { readonly limit: number; readonly query?: Readonly<Record<string, string | undefined>> },
): Promise<Listed> {
  const items: JsonObject[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await api.send({
      method: 'GET',
      path,
      query: { ...query, limit: Math.min(pageSize, limit - items.length), cursor },
    });
    const page = body[name];
    items.push(...(Array.isArray(page) ? page : []).filter(isJsonObject));
    cursor = typeof body.nextCursor === 'string' ? body.nextCursor : undefined;
  } while (cursor !== undefined && items.length < limit);
  return { items, hasMore: cursor !== undefined };
}
