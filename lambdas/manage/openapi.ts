import { jsonAnswer } from './request.ts';
import type { Route } from './router.ts';

/** Filled in below. */
export function openApiDocument(): Record<string, unknown> {
  return { openapi: '3.1.0', info: { title: 'Drift webhook fan-out', version: '1' }, paths: {} };
}

export const openApiRoute: Route = {
  method: 'GET',
  path: '/v1/openapi.json',
  answer: async () => jsonAnswer(200, openApiDocument()),
};
