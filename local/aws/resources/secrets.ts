import * as z from 'zod';
import { generatePassword } from '../wire/secrets-manager.ts';
import {
  physicalName,
  resourceMaker,
  tagList,
  templateBoolean,
  templateNumber,
  withoutEffect,
} from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html */
export const makeSecret = resourceMaker(
  z.strictObject({
    Name: z.optional(z.string()),
    Description: z.optional(z.string()),
    SecretString: z.optional(z.string()),
    GenerateSecretString: z.optional(
      z.strictObject({
        PasswordLength: z.optional(templateNumber),
        ExcludeCharacters: z.optional(z.string()),
        ExcludeLowercase: z.optional(templateBoolean),
        ExcludeNumbers: z.optional(templateBoolean),
        ExcludePunctuation: z.optional(templateBoolean),
        ExcludeUppercase: z.optional(templateBoolean),
        IncludeSpace: z.optional(templateBoolean),
        // A long password has one of each anyway.
        RequireEachIncludedType: z.optional(withoutEffect),
      }),
    ),
    KmsKeyId: z.optional(withoutEffect),
    Tags: z.optional(tagList),
  }),
  (properties, world, { logicalId }) => {
    const rules = properties.GenerateSecretString;
    const value =
      rules === undefined
        ? properties.SecretString
        : generatePassword({
            passwordLength: rules.PasswordLength ?? 32,
            excludeCharacters: rules.ExcludeCharacters ?? '',
            excludeLowercase: rules.ExcludeLowercase ?? false,
            excludeNumbers: rules.ExcludeNumbers ?? false,
            excludePunctuation: rules.ExcludePunctuation ?? false,
            excludeUppercase: rules.ExcludeUppercase ?? false,
            includeSpace: rules.IncludeSpace ?? false,
          });
    const arn = world.secrets.create({
      name: properties.Name ?? physicalName(world, logicalId),
      ...(value === undefined ? {} : { value }),
      ...(properties.Description === undefined ? {} : { description: properties.Description }),
    });
    return { ref: arn, attributes: { Id: arn } };
  },
);
