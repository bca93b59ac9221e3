import { type ApiHeader, type ApiOperation, apiHeaders, apiRoutes } from '../contracts/api-routes.ts';
import { subscriptionIdPattern } from '../domain/subscriptions/subscription-id.ts';
import { problemResponse } from '../http/problem-responses.ts';
import { type ApiAnswer, type ApiRequest, invalidFields, type RoutedRequest } from './request.ts';

export type Operation = (request: RoutedRequest) => Promise<ApiAnswer>;
export type Operations = Readonly<Record<ApiOperation, Operation>>;

/**
 * Finds the operation of a request: 404 for a path that nobody serves, 405 and what is allowed for another method. What
 * no operation would take, an unknown query parameter or an id that no subscription can have, ends here.
 */
export function createRouter(operations: Operations): (request: ApiRequest) => Promise<ApiAnswer> {
  const patterns = apiRoutes.map((route) => ({
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
      return problemResponse(404, 'Not Found', { detail: `there is no such path; see /v1/openapi.json` });
    }
    const found = fitting.find(({ route }) => route.method === request.method);
    if (found === undefined) {
      const allow = fitting.map(({ route }) => route.method).join(', ');
      return problemResponse(405, 'Method Not Allowed', { detail: `this path allows ${allow}`, headers: { allow } });
    }
    const { route, params } = found;
    if (params === undefined) {
      return problemResponse(400, 'Bad Request', { detail: 'the path is not percent-encoded UTF-8' });
    }
    if (params.id !== undefined && !subscriptionIdPattern.test(params.id)) return notFound(params.id);
    const known: readonly string[] = 'query' in route ? route.query : [];
    const taken: readonly ApiHeader[] = 'headers' in route ? route.headers : [];
    const errors = [...queryErrors(request.query, known), ...headerErrors(request.headers, taken)];
    if (errors.length > 0) return invalidFields(errors);
    return operations[route.operation]({ ...request, params, query: Object.fromEntries(request.query) });
  };
}

/** A parameter that is misspelt and passed over would answer another question than the one that was asked. */
function queryErrors(query: ApiRequest['query'], known: readonly string[]) {
  const names = query.map(([name]) => name);
  return [...new Set(names)].flatMap((field) => {
    if (!known.includes(field)) {
      const possible = known.length === 0 ? 'this operation takes none' : `known ones are ${known.join(', ')}`;
      return [{ field, detail: `is not a query parameter here; ${possible}` }];
    }
    return names.indexOf(field) === names.lastIndexOf(field) ? [] : [{ field, detail: 'is given more than once' }];
  });
}

/** Who sends one counts on it: passed over, a repetition would be done twice, and another's change overwritten. */
function headerErrors(headers: ApiRequest['headers'], taken: readonly ApiHeader[]) {
  return apiHeaders
    .filter((field) => headers[field] !== undefined && !taken.includes(field))
    .map((field) => ({ field, detail: 'is not taken by this operation; leave the header out' }));
}

/** An id may be as long as a path and hold anything; what is said of it stays short. */
export function notFound(subscriptionId: string): ApiAnswer {
  const shown = subscriptionIdPattern.test(subscriptionId) ? ` ${subscriptionId}` : ' of this id';
  return problemResponse(404, 'Not Found', { detail: `there is no subscription${shown}` });
}

function paramsOf(names: readonly string[], match: RegExpExecArray): Record<string, string> | undefined {
  try {
    return Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')]));
  } catch {
    return undefined;
  }
}
