import { problemResponse } from '../http/problem-responses.ts';
import type { ApiAnswer, ApiRequest } from './request.ts';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/v1/subscriptions/{id}`. */
  readonly path: string;
  readonly answer: (request: ApiRequest) => Promise<ApiAnswer>;
}

/** Finds the route of a request: 404 for a path that nobody serves, 405 and what is allowed for another method. */
export function createRouter(routes: readonly Route[]): (request: Omit<ApiRequest, 'params'>) => Promise<ApiAnswer> {
  const patterns = routes.map((route) => ({
    route,
    names: [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
    pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '([^/]+)')}/?$`),
  }));

  return async (request) => {
    const fitting = patterns.flatMap(({ route, names, pattern }) => {
      const match = pattern.exec(request.path);
      return match === null ? [] : [{ route, params: paramsOf(names, match) }];
    });
    if (fitting.length === 0) {
      return problemResponse(404, 'Not Found', {
        detail: `nothing is served at ${request.path}; see /v1/openapi.json`,
      });
    }
    const found = fitting.find(({ route }) => route.method === request.method);
    if (found === undefined) {
      const allow = fitting.map(({ route }) => route.method).join(', ');
      return problemResponse(405, 'Method Not Allowed', { detail: `allowed here: ${allow}`, headers: { allow } });
    }
    if (found.params === undefined) {
      return problemResponse(400, 'Bad Request', { detail: 'the path is not percent-encoded UTF-8' });
    }
    return found.route.answer({ ...request, params: found.params });
  };
}

function paramsOf(names: readonly string[], match: RegExpExecArray): Record<string, string> | undefined {
  try {
    return Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')]));
  } catch {
    return undefined;
  }
}
