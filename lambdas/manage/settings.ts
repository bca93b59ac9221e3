import { integerText, integerValue } from '../json/json.ts';
import type { SettingsStore } from './ports.ts';
import { type ApiAnswer, invalidField, jsonAnswer, type RoutedRequest, readJsonBody } from './request.ts';
import { settingsSchema } from './request-schemas.ts';
import type { Operations } from './router.ts';

export interface SettingsDeps {
  readonly settings: SettingsStore;
  readonly defaultQuietPeriodSeconds: number;
}

export function settingsOperations({
  settings,
  defaultQuietPeriodSeconds,
}: SettingsDeps): Pick<Operations, 'showOrgSettings' | 'setOrgSettings'> {
  async function show(orgId: string): Promise<ApiAnswer> {
    const seconds = await settings.quietPeriodSeconds(orgId);
    return jsonAnswer(200, {
      orgId: integerValue(orgId),
      quietPeriodSeconds: seconds ?? defaultQuietPeriodSeconds,
      isDefault: seconds === undefined,
    });
  }

  function withOrg(answer: (orgId: string, request: RoutedRequest) => Promise<ApiAnswer>) {
    return async (request: RoutedRequest): Promise<ApiAnswer> => {
      const { orgId: text = '' } = request.params;
      const orgId = /^\d{1,19}$/.test(text) ? integerText(JSON.rawJSON(String(BigInt(text)))) : undefined;
      return orgId === undefined ? invalidField('orgId', 'must be a whole number of 64 bits') : answer(orgId, request);
    };
  }

  return {
    showOrgSettings: withOrg(show),
    setOrgSettings: withOrg(async (orgId, request) => {
      const body = readJsonBody(request, settingsSchema);
      if (body.kind === 'refused') return body.answer;
      await settings.setQuietPeriodSeconds(orgId, body.value.quietPeriodSeconds ?? undefined);
      return show(orgId);
    }),
  };
}
