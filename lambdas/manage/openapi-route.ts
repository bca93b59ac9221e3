import { jsonAnswer } from './request.ts';
import type { Route } from './router.ts';

let document: Record<string, unknown> | undefined;

export const openApiRoute: Route = {
  method: 'GET',
  path: '/v1/openapi.json',
  answer: async () => {
    // All the schemas of what is answered serve this route alone: no other one's cold start waits for them.
    document ??= (await import('./openapi.ts')).openApiDocument();
    return jsonAnswer(200, document);
  },
};
