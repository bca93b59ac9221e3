import type { HttpApi } from '../gateway/http-api.ts';

/** The parts of the one HTTP API, as the template names them one after the other. */
export interface ApiResources {
  api?: { readonly id: string; readonly logicalId: string };
  hasStage: boolean;
  accessLog?: NonNullable<HttpApi['accessLog']>;
  readonly integrations: Map<string, string>;
  readonly routes: {
    readonly routeKey: string;
    readonly target: string;
    readonly authorization: 'NONE' | 'AWS_IAM';
  }[];
}

export function createApiResources(): ApiResources {
  return { hasStage: false, integrations: new Map(), routes: [] };
}

/** Undefined: the template has none. Throws where a route names an integration that is not there, or no stage is. */
export function httpApiOf({ api, hasStage, accessLog, integrations, routes }: ApiResources): HttpApi | undefined {
  if (api === undefined) return undefined;
  if (!hasStage) throw new Error(`${api.logicalId} has no stage, so nobody could call it`);
  return {
    apiId: api.id,
    ...(accessLog === undefined ? {} : { accessLog }),
    routes: routes.map(({ routeKey, target, authorization }) => {
      const functionArn = integrations.get(target.slice('integrations/'.length));
      if (functionArn === undefined) throw new Error(`route ${routeKey}: there is no ${target}`);
      return { routeKey, target: { functionArn, authorization } };
    }),
  };
}
