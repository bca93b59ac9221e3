import { jsonAnswer } from './request.ts';
import type { Operation } from './router.ts';

/** `isSigned`: whether this server takes signed requests only. */
export function openApiOperation(isSigned: boolean): Operation {
  let document: Record<string, unknown> | undefined;
  return async () => {
    // All the schemas of what is answered serve this operation alone: no other one's cold start waits for them.
    document ??= (await import('./openapi.ts')).openApiDocument({ isSigned });
    return jsonAnswer(200, document);
  };
}
