import * as z from 'zod';
import { resourceMaker, templateNumber } from './resource-maker.ts';

export const makeCustomResource = resourceMaker(
  z.looseObject({ ServiceToken: z.string(), ServiceTimeout: z.optional(templateNumber) }),
  async (properties, world, { logicalId, type, properties: asWritten }) => {
    const { arn } = world.functions.describe(properties.ServiceToken);
    const { physicalResourceId, data } = await world.customResources.create({
      logicalId,
      type,
      stackId: `arn:aws:cloudformation:${world.region}:${world.accountId}:stack/${world.stackName}/local`,
      properties: asTexts(asWritten) as Record<string, unknown>,
      awsUrl: world.awsUrl,
      timeoutSeconds: properties.ServiceTimeout ?? 3600,
      invoke: (payload) => world.functions.invoke(arn, payload),
    });
    return { ref: physicalResourceId, attributes: data };
  },
);

/** CloudFormation hands over numbers and truth values as texts. */
function asTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asTexts);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asTexts(member)]));
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}
