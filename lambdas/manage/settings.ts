import { idText } from '../domain/events/drift-event.ts';
import { integerValue } from '../json/json.ts';
import type { SettingsStore } from './ports.ts';
import { type ApiAnswer, invalidField, jsonAnswer, noId, type RoutedRequest, readJsonBody } from './request.ts';
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
      const orgId = idText(request.params.orgId);
      return orgId === undefined ? invalidField('orgId', noId) : answer(orgId, request);
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
