import { integerText, integerValue } from '../json/json.ts';
import type { SettingsStore } from './ports.ts';
import { type ApiAnswer, type ApiRequest, invalidField, jsonAnswer, readJsonBody } from './request.ts';
import { settingsSchema } from './request-schemas.ts';
import type { Route } from './router.ts';

export interface SettingsDeps {
  readonly settings: SettingsStore;
  readonly defaultQuietPeriodSeconds: number;
}

export function settingsRoutes({ settings, defaultQuietPeriodSeconds }: SettingsDeps): Route[] {
  async function show(orgId: string): Promise<ApiAnswer> {
    const seconds = await settings.quietPeriodSeconds(orgId);
    return jsonAnswer(200, {
      orgId: integerValue(orgId),
      quietPeriodSeconds: seconds ?? defaultQuietPeriodSeconds,
      isDefault: seconds === undefined,
    });
  }

  function withOrg(answer: (orgId: string, request: ApiRequest) => Promise<ApiAnswer>) {
    return async (request: ApiRequest): Promise<ApiAnswer> => {
      const { orgId: text = '' } = request.params;
      const orgId = /^\d{1,19}$/.test(text) ? integerText(JSON.rawJSON(String(BigInt(text)))) : undefined;
      return orgId === undefined ? invalidField('orgId', 'must be a whole number of 64 bits') : answer(orgId, request);
    };
  }

  return [
    { method: 'GET', path: '/v1/orgs/{orgId}/settings', answer: withOrg(show) },
    {
      method: 'PUT',
      path: '/v1/orgs/{orgId}/settings',
      answer: withOrg(async (orgId, request) => {
        const body = readJsonBody(request, settingsSchema);
        if (body.kind === 'refused') return body.answer;
        await settings.setQuietPeriodSeconds(orgId, body.value.quietPeriodSeconds ?? undefined);
        return show(orgId);
      }),
    },
  ];
}
