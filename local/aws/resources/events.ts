import * as z from 'zod';
import { present } from '../wire/request-members.ts';
import { physicalName, resourceMaker, templateNumber, withoutEffect } from './resource-maker.ts';

const pattern = z.record(z.string(), z.unknown());

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbus.html */
export const makeEventBus = resourceMaker(
  z.strictObject({ Name: z.string(), Description: z.optional(withoutEffect), Tags: z.optional(withoutEffect) }),
  ({ Name }, world) => {
    const bus = world.buses.createBus(Name);
    return { ref: bus.name, attributes: { Arn: bus.arn, Name: bus.name } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-archive.html */
export const makeArchive = resourceMaker(
  z.strictObject({
    SourceArn: z.string(),
    Description: z.optional(withoutEffect),
    EventPattern: z.optional(pattern),
    RetentionDays: z.optional(templateNumber),
    // Encryption of what is not stored.
    KmsKeyIdentifier: z.optional(withoutEffect),
  }),
  ({ SourceArn, EventPattern, RetentionDays }, world, { logicalId }) => {
    const { arn, name } = world.buses.createArchive({
      name: physicalName(world, logicalId, 48),
      eventSourceArn: SourceArn,
      ...present('eventPattern', EventPattern && JSON.stringify(EventPattern)),
      ...present('retentionDays', RetentionDays),
    });
    return { ref: name, attributes: { Arn: arn } };
  },
);

const target = z.strictObject({
  Id: z.string(),
  Arn: z.string(),
  Input: z.optional(z.string()),
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
    EventBusName: z.optional(z.string()),
    EventPattern: z.optional(pattern),
    ScheduleExpression: z.optional(z.string()),
    State: z.optional(z.enum(['ENABLED', 'DISABLED'])),
    Description: z.optional(z.string()),
    Targets: z.array(target),
  }),
  (properties, world, { logicalId }) => {
    const name = physicalName(world, logicalId);
    const { EventBusName: bus, EventPattern, ScheduleExpression, State, Description } = properties;
    const { ruleArn } = world.buses.putRule({
      name,
      bus,
      eventPattern: EventPattern && JSON.stringify(EventPattern),
      scheduleExpression: ScheduleExpression,
      state: State,
      description: Description,
    });
    const targets = properties.Targets.map(({ Id, Arn, Input, RetryPolicy, DeadLetterConfig }) => ({
      id: Id,
      arn: Arn,
      ...present('input', Input),
      ...present('deadLetterArn', DeadLetterConfig?.Arn),
      ...present('maximumRetryAttempts', RetryPolicy?.MaximumRetryAttempts),
      ...present('maximumEventAgeSeconds', RetryPolicy?.MaximumEventAgeInSeconds),
    }));
    world.buses.putTargets(name, targets, bus);
    return { ref: bus === undefined ? name : `${bus}|${name}`, attributes: { Arn: ruleArn } };
  },
);
