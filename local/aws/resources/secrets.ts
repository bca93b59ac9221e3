import * as z from 'zod';
import { generatePassword } from '../wire/secrets-manager.ts';
import { physicalName, resourceMaker, templateBoolean, templateNumber, withoutEffect } from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html */
export const makeSecret = resourceMaker(
  z.strictObject({
    Description: z.optional(withoutEffect),
    GenerateSecretString: z.strictObject({
      PasswordLength: z.optional(templateNumber),
      ExcludePunctuation: z.optional(templateBoolean),
    }),
    Tags: z.optional(withoutEffect),
  }),
  ({ GenerateSecretString: { PasswordLength = 32, ExcludePunctuation = false } }, world, { logicalId }) => {
    const value = generatePassword(PasswordLength, { punctuation: !ExcludePunctuation });
    const arn = world.secrets.create({ name: physicalName(world, logicalId), value });
    return { ref: arn, attributes: { Id: arn } };
  },
);
