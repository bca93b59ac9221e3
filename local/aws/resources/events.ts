import * as z from 'zod';
import { physicalName, resourceMaker, tagList, tagsOf, templateNumber, withoutEffect } from './resource-maker.ts';

const pattern = z.record(z.string(), z.unknown());

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbus.html */
export const makeEventBus = resourceMaker(
  z.strictObject({
    Name: z.string(),
    Description: z.optional(z.string()),
    // Encryption, logs and permissions of other accounts: there are none here.
    KmsKeyIdentifier: z.optional(withoutEffect),
    LogConfig: z.optional(withoutEffect),
    Tags: z.optional(tagList),
  }),
  (properties, world) => {
    const bus = world.buses.createBus(properties.Name, properties.Description);
    return { ref: bus.name, attributes: { Arn: bus.arn, Name: bus.name } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-archive.html */
export const makeArchive = resourceMaker(
  z.strictObject({
    ArchiveName: z.optional(z.string()),
    SourceArn: z.string(),
    Description: z.optional(z.string()),
    EventPattern: z.optional(pattern),
    RetentionDays: z.optional(templateNumber),
    KmsKeyIdentifier: z.optional(withoutEffect),
  }),
  (properties, world, { logicalId }) => {
    const { arn, name } = world.buses.createArchive({
      name: properties.ArchiveName ?? physicalName(world, logicalId, 48),
      eventSourceArn: properties.SourceArn,
      ...(properties.EventPattern === undefined ? {} : { eventPattern: JSON.stringify(properties.EventPattern) }),
      ...(properties.RetentionDays === undefined ? {} : { retentionDays: properties.RetentionDays }),
      ...(properties.Description === undefined ? {} : { description: properties.Description }),
    });
    return { ref: name, attributes: { Arn: arn } };
  },
);

const target = z.strictObject({
  Id: z.string(),
  Arn: z.string(),
  Input: z.optional(z.string()),
  RoleArn: z.optional(z.string()),
  RetryPolicy: z.optional(
    z.strictObject({
      MaximumRetryAttempts: z.optional(templateNumber),
      MaximumEventAgeInSeconds: z.optional(templateNumber),
    }),
  ),
  DeadLetterConfig: z.optional(z.strictObject({ Arn: z.optional(z.string()) })),
});

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html */
export const makeRule = resourceMaker(
  z.strictObject({
    Name: z.optional(z.string()),
    EventBusName: z.optional(z.string()),
    EventPattern: z.optional(pattern),
    ScheduleExpression: z.optional(z.string()),
    State: z.optional(z.enum(['ENABLED', 'DISABLED'])),
    Description: z.optional(z.string()),
    RoleArn: z.optional(z.string()),
    Targets: z.optional(z.array(target)),
    Tags: z.optional(tagList),
  }),
  (properties, world, { logicalId }) => {
    const name = properties.Name ?? physicalName(world, logicalId);
    const bus = properties.EventBusName;
    const { ruleArn } = world.buses.putRule({
      name,
      ...(bus === undefined ? {} : { bus }),
      ...(properties.EventPattern === undefined ? {} : { eventPattern: JSON.stringify(properties.EventPattern) }),
      ...(properties.ScheduleExpression === undefined ? {} : { scheduleExpression: properties.ScheduleExpression }),
      ...(properties.State === undefined ? {} : { state: properties.State }),
      ...(properties.Description === undefined ? {} : { description: properties.Description }),
      ...(properties.RoleArn === undefined ? {} : { roleArn: properties.RoleArn }),
      tags: tagsOf(properties.Tags),
    });
    const targets = (properties.Targets ?? []).map(({ Id, Arn, Input, RoleArn, RetryPolicy, DeadLetterConfig }) => ({
      id: Id,
      arn: Arn,
      ...(Input === undefined ? {} : { input: Input }),
      ...(RoleArn === undefined ? {} : { roleArn: RoleArn }),
      ...(DeadLetterConfig?.Arn === undefined ? {} : { deadLetterArn: DeadLetterConfig.Arn }),
      ...(RetryPolicy?.MaximumRetryAttempts === undefined
        ? {}
        : { maximumRetryAttempts: RetryPolicy.MaximumRetryAttempts }),
      ...(RetryPolicy?.MaximumEventAgeInSeconds === undefined
        ? {}
        : { maximumEventAgeSeconds: RetryPolicy.MaximumEventAgeInSeconds }),
    }));
    if (targets.length > 0) world.buses.putTargets(name, targets, bus);
    const onOwnBus = bus !== undefined && bus !== 'default';
    return { ref: onOwnBus ? `${bus}|${name}` : name, attributes: { Arn: ruleArn } };
  },
);
