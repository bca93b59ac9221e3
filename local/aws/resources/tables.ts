import * as z from 'zod';
import {
  physicalName,
  resourceMaker,
  tagList,
  templateBoolean,
  templateNumber,
  withoutEffect,
} from './resource-maker.ts';

const attribute = z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) });
const key = z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }));
const projection = z.strictObject({
  ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
  NonKeyAttributes: z.optional(z.array(z.string())),
});
const throughput = z.strictObject({ ReadCapacityUnits: templateNumber, WriteCapacityUnits: templateNumber });
const index = z.strictObject({
  IndexName: z.string(),
  KeySchema: key,
  Projection: projection,
  ProvisionedThroughput: z.optional(throughput),
});

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html */
export const makeTable = resourceMaker(
  z.strictObject({
    TableName: z.optional(z.string()),
    AttributeDefinitions: z.array(attribute),
    KeySchema: key,
    BillingMode: z.optional(z.enum(['PAY_PER_REQUEST', 'PROVISIONED'])),
    ProvisionedThroughput: z.optional(throughput),
    GlobalSecondaryIndexes: z.optional(z.array(index)),
    LocalSecondaryIndexes: z.optional(z.array(index.omit({ ProvisionedThroughput: true }))),
    StreamSpecification: z.optional(z.strictObject({ StreamViewType: z.string() })),
    TimeToLiveSpecification: z.optional(z.strictObject({ AttributeName: z.string(), Enabled: templateBoolean })),
    // About keeping, encrypting and paying for data, and here it is gone when the run ends.
    PointInTimeRecoverySpecification: z.optional(withoutEffect),
    SSESpecification: z.optional(withoutEffect),
    DeletionProtectionEnabled: z.optional(withoutEffect),
    ContributorInsightsSpecification: z.optional(withoutEffect),
    TableClass: z.optional(withoutEffect),
    Tags: z.optional(tagList),
  }),
  async (properties, world, { logicalId }) => {
    const { StreamSpecification: stream, TimeToLiveSpecification: timeToLive } = properties;
    const table = await world.tables.create({
      definition: {
        TableName: properties.TableName ?? physicalName(world, logicalId),
        AttributeDefinitions: properties.AttributeDefinitions,
        KeySchema: properties.KeySchema,
        BillingMode: properties.BillingMode ?? 'PROVISIONED',
        ...present('ProvisionedThroughput', properties.ProvisionedThroughput),
        ...present('GlobalSecondaryIndexes', properties.GlobalSecondaryIndexes),
        ...present('LocalSecondaryIndexes', properties.LocalSecondaryIndexes),
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

function present(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value };
}
