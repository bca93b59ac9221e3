import * as z from 'zod';
import { present } from '../wire/request-members.ts';
import { physicalName, resourceMaker, templateBoolean, templateNumber, withoutEffect } from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html */
export const makeFunction = resourceMaker(
  z.strictObject({
    Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
    Handler: z.string(),
    Runtime: z.string(),
    Role: z.string(),
    Architectures: z.optional(z.array(z.string())),
    Description: z.optional(z.string()),
    Environment: z.optional(z.strictObject({ Variables: z.record(z.string(), z.string()) })),
    LoggingConfig: z.optional(z.record(z.string(), z.unknown())),
    MemorySize: z.optional(templateNumber),
    ReservedConcurrentExecutions: z.optional(templateNumber),
    Timeout: z.optional(templateNumber),
    TracingConfig: z.optional(z.strictObject({ Mode: z.enum(['Active', 'PassThrough']) })),
    Tags: z.optional(withoutEffect),
    RecursiveLoop: z.optional(z.enum(['Allow', 'Terminate'])),
  }),
  (properties, world, { logicalId }) => {
    const { RecursiveLoop: loop, ReservedConcurrentExecutions: reserved, Tags, ...input } = properties;
    const name = physicalName(world, logicalId);
    const { arn } = world.functions.create({ ...input, FunctionName: name }, { inForce: true });
    if (loop !== undefined) world.functions.setRecursiveLoop(name, loop);
    if (reserved !== undefined) world.functions.reserveConcurrency(name, reserved);
    return { ref: name, attributes: { Arn: arn } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html */
export const makeEventSourceMapping = resourceMaker(
  z.strictObject({
    EventSourceArn: z.string(),
    FunctionName: z.string(),
    BatchSize: z.optional(templateNumber),
    BisectBatchOnFunctionError: z.optional(templateBoolean),
    DestinationConfig: z.optional(
      z.strictObject({ OnFailure: z.optional(z.strictObject({ Destination: z.string() })) }),
    ),
    Enabled: z.optional(templateBoolean),
    FilterCriteria: z.optional(z.strictObject({ Filters: z.array(z.strictObject({ Pattern: z.string() })) })),
    FunctionResponseTypes: z.optional(z.array(z.string())),
    MaximumBatchingWindowInSeconds: z.optional(templateNumber),
    MaximumRetryAttempts: z.optional(templateNumber),
    ScalingConfig: z.optional(z.strictObject({ MaximumConcurrency: templateNumber })),
    StartingPosition: z.optional(z.string()),
    Tags: z.optional(withoutEffect),
  }),
  ({ Tags, ...properties }, world) => {
    const uuid = world.mappings.create(properties);
    return {
      ref: uuid,
      attributes: {
        Id: uuid,
        EventSourceMappingArn: `arn:aws:lambda:${world.region}:${world.accountId}:event-source-mapping:${uuid}`,
      },
    };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-permission.html */
export const makePermission = resourceMaker(
  z.strictObject({
    Action: z.string(),
    FunctionName: z.string(),
    Principal: z.string(),
    SourceAccount: z.optional(z.string()),
    SourceArn: z.optional(z.string()),
  }),
  ({ FunctionName, Action, Principal, SourceAccount, SourceArn }, world, { logicalId }) => {
    world.functions.addPermission(FunctionName, {
      statementId: logicalId,
      action: Action,
      principal: Principal,
      sourceArn: SourceArn,
      sourceAccount: SourceAccount,
    });
    return { ref: logicalId, attributes: { Id: logicalId } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventinvokeconfig.html */
export const makeEventInvokeConfig = resourceMaker(
  z.strictObject({
    FunctionName: z.string(),
    Qualifier: z.literal('$LATEST'),
    MaximumEventAgeInSeconds: z.optional(templateNumber),
    MaximumRetryAttempts: z.optional(templateNumber),
  }),
  ({ FunctionName, MaximumRetryAttempts, MaximumEventAgeInSeconds }, world, { logicalId }) => {
    world.functions.asyncInvocations.configure(world.functions.describe(FunctionName).arn, {
      ...present('maximumRetryAttempts', MaximumRetryAttempts),
      ...present('maximumEventAgeSeconds', MaximumEventAgeInSeconds),
    });
    return { ref: logicalId };
  },
);
