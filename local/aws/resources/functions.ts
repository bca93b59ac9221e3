import * as z from 'zod';
import {
  physicalName,
  resourceMaker,
  tagList,
  tagsOf,
  templateBoolean,
  templateNumber,
  withoutEffect,
} from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html */
export const makeFunction = resourceMaker(
  z.strictObject({
    FunctionName: z.optional(z.string()),
    Code: z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }),
    Handler: z.string(),
    Runtime: z.string(),
    Role: z.string(),
    Architectures: z.optional(z.array(z.string())),
    DeadLetterConfig: z.optional(z.strictObject({ TargetArn: z.string() })),
    Description: z.optional(z.string()),
    Environment: z.optional(z.strictObject({ Variables: z.record(z.string(), z.string()) })),
    EphemeralStorage: z.optional(z.strictObject({ Size: templateNumber })),
    LoggingConfig: z.optional(z.record(z.string(), z.unknown())),
    MemorySize: z.optional(templateNumber),
    ReservedConcurrentExecutions: z.optional(templateNumber),
    Timeout: z.optional(templateNumber),
    TracingConfig: z.optional(z.strictObject({ Mode: z.enum(['Active', 'PassThrough']) })),
    Tags: z.optional(tagList),
    // Loops are not looked for here.
    RecursiveLoop: z.optional(withoutEffect),
  }),
  (properties, world, { logicalId }) => {
    const { RecursiveLoop, ReservedConcurrentExecutions: reserved, FunctionName, Tags, ...input } = properties;
    const name = FunctionName ?? physicalName(world, logicalId);
    const { arn } = world.functions.create({ ...input, FunctionName: name, Tags: tagsOf(Tags) });
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
    MaximumRecordAgeInSeconds: z.optional(templateNumber),
    MaximumRetryAttempts: z.optional(templateNumber),
    ParallelizationFactor: z.optional(templateNumber),
    ScalingConfig: z.optional(z.strictObject({ MaximumConcurrency: templateNumber })),
    StartingPosition: z.optional(z.string()),
    Tags: z.optional(tagList),
  }),
  ({ Tags, ...properties }, world) => {
    const uuid = world.mappings.create({ ...properties, Tags: tagsOf(Tags) });
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
  ({ FunctionName, ...statement }, world, { logicalId }) => {
    world.functions.addPermission(FunctionName, { ...statement, StatementId: logicalId });
    return { ref: logicalId, attributes: { Id: logicalId } };
  },
);

const destination = z.optional(z.strictObject({ Destination: z.string() }));

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventinvokeconfig.html */
export const makeEventInvokeConfig = resourceMaker(
  z.strictObject({
    FunctionName: z.string(),
    Qualifier: z.literal('$LATEST'),
    MaximumEventAgeInSeconds: z.optional(templateNumber),
    MaximumRetryAttempts: z.optional(templateNumber),
    DestinationConfig: z.optional(z.strictObject({ OnFailure: destination, OnSuccess: destination })),
  }),
  (properties, world, { logicalId }) => {
    const { OnFailure: onFailure, OnSuccess: onSuccess } = properties.DestinationConfig ?? {};
    const { name, roleArn } = world.functions.describe(properties.FunctionName);
    // Lambda sends to a destination in the name of the function's role, and looks at once whether it may.
    const needs = [onFailure, onSuccess].flatMap((each) =>
      each === undefined ? [] : [{ action: 'sqs:SendMessage', resource: each.Destination }],
    );
    const denial = world.access.refuseRole({ functionName: name, roleArn }, needs);
    if (denial !== undefined) throw new Error(denial.message);
    world.functions.asyncInvocations.configure(world.functions.describe(properties.FunctionName).arn, {
      ...(properties.MaximumRetryAttempts === undefined
        ? {}
        : { maximumRetryAttempts: properties.MaximumRetryAttempts }),
      ...(properties.MaximumEventAgeInSeconds === undefined
        ? {}
        : { maximumEventAgeSeconds: properties.MaximumEventAgeInSeconds }),
      ...(onFailure === undefined ? {} : { onFailureArn: onFailure.Destination }),
      ...(onSuccess === undefined ? {} : { onSuccessArn: onSuccess.Destination }),
    });
    return { ref: logicalId };
  },
);
