/** One route of an HTTP API: `POST /drift/events`, `ANY /v1/{proxy+}`. */
export interface Route<T> {
  readonly routeKey: string;
  readonly target: T;
}

export interface RouteMatch<T> {
  readonly route: Route<T>;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface ParsedRoute<T> {
  readonly route: Route<T>;
  readonly method: string;
  readonly segments: readonly Segment[];
}

type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'greedy'; readonly name: string };

/**
 * Chooses a request's route as API Gateway does: a full match before one with `{parameters}`, those before a greedy
 * `{proxy+}`; a method before `ANY`.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export function createRouteTable<T>(
  routes: readonly Route<T>[],
): (method: string, path: string) => RouteMatch<T> | undefined {
  const parsed = routes.map(parseRoute).sort(bySpecificity);

  return (method, path) => {
    const parts = path.split('/').slice(1);
    for (const { route, method: wanted, segments } of parsed) {
      if (wanted !== 'ANY' && wanted !== method) continue;
      const pathParameters = matchSegments(segments, parts);
      if (pathParameters !== undefined) return { route, pathParameters };
    }
    return undefined;
  };
}

/** Throws where the key is none. */
function parseRoute<T>(route: Route<T>): ParsedRoute<T> {
  const found = /^([A-Z]+) (\/.*)$/.exec(route.routeKey);
  if (found === null) throw new Error(`RouteKey ${route.routeKey} is not "METHOD /path"`);
  const [, method = '', path = ''] = found;
  const segments = path.split('/').slice(1).map(parseSegment);
  return { route, method, segments };
}

function parseSegment(text: string): Segment {
  const found = /^\{([^}+]+)(\+?)\}$/.exec(text);
  if (found === null) return { kind: 'text', text };
  return { kind: found[2] === '+' ? 'greedy' : 'parameter', name: found[1] ?? '' };
}

const ranks = { text: 0, parameter: 1, greedy: 2 } as const;

function bySpecificity(left: ParsedRoute<unknown>, right: ParsedRoute<unknown>): number {
  for (let index = 0; index < Math.max(left.segments.length, right.segments.length); index++) {
    const [one, other] = [left.segments[index], right.segments[index]];
    if (one === undefined || other === undefined) break;
    if (ranks[one.kind] !== ranks[other.kind]) return ranks[one.kind] - ranks[other.kind];
  }
  if (left.segments.length !== right.segments.length) return right.segments.length - left.segments.length;
  return Number(left.method === 'ANY') - Number(right.method === 'ANY');
}

function matchSegments(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index];
    if (part === undefined) return undefined;
    if (segment.kind === 'greedy') {
      parameters[segment.name] = decode(parts.slice(index).join('/'));
      return parameters;
    }
    if (segment.kind === 'text') {
      if (segment.text !== part) return undefined;
    } else {
      if (part === '') return undefined;
      parameters[segment.name] = decode(part);
    }
  }
  return segments.length === parts.length ? parameters : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
