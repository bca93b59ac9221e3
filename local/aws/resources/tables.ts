import * as z from 'zod';
import { present } from '../wire/request-members.ts';
import { physicalName, resourceMaker, templateBoolean, withoutEffect } from './resource-maker.ts';

const attribute = z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) });
const key = z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));
const projection = z.strictObject({
  ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
  NonKeyAttributes: z.optional(z.array(z.string())),
});
const index = z.strictObject({ IndexName: z.string(), KeySchema: key, Projection: projection });

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html */
export const makeTable = resourceMaker(
  z.strictObject({
    AttributeDefinitions: z.array(attribute),
    KeySchema: key,
    BillingMode: z.literal('PAY_PER_REQUEST'),
    GlobalSecondaryIndexes: z.optional(z.array(index)),
    StreamSpecification: z.optional(z.strictObject({ StreamViewType: z.string() })),
    TimeToLiveSpecification: z.optional(z.strictObject({ AttributeName: z.string(), Enabled: templateBoolean })),
    // About keeping, encrypting and paying for data, and here it is gone when the run ends.
    PointInTimeRecoverySpecification: z.optional(withoutEffect),
    SSESpecification: z.optional(withoutEffect),
    DeletionProtectionEnabled: z.optional(withoutEffect),
    Tags: z.optional(withoutEffect),
  }),
  async (properties, world, { logicalId }) => {
    const { StreamSpecification: stream, TimeToLiveSpecification: timeToLive } = properties;
    const table = await world.tables.create({
      definition: {
        TableName: physicalName(world, logicalId),
        AttributeDefinitions: properties.AttributeDefinitions,
        KeySchema: properties.KeySchema,
        BillingMode: properties.BillingMode,
        ...present('GlobalSecondaryIndexes', properties.GlobalSecondaryIndexes),
        ...(stream === undefined ? {} : { StreamSpecification: { StreamEnabled: true, ...stream } }),
      },
      ...(timeToLive?.Enabled === true ? { timeToLiveAttribute: timeToLive.AttributeName } : {}),
    });
    return {
      ref: table.name,
      attributes: { Arn: table.arn, ...(table.streamArn === undefined ? {} : { StreamArn: table.streamArn }) },
    };
  },
);
