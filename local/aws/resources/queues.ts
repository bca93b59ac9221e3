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

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html */
export const makeQueue = resourceMaker(
  z.strictObject({
    QueueName: z.optional(z.string()),
    DelaySeconds: z.optional(templateNumber),
    MaximumMessageSize: z.optional(templateNumber),
    MessageRetentionPeriod: z.optional(templateNumber),
    ReceiveMessageWaitTimeSeconds: z.optional(templateNumber),
    VisibilityTimeout: z.optional(templateNumber),
    RedrivePolicy: z.optional(z.strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: templateNumber })),
    FifoQueue: z.optional(templateBoolean.refine((fifo) => !fifo, 'the local run has standard queues only')),
    // Encryption of what is not stored.
    SqsManagedSseEnabled: z.optional(withoutEffect),
    KmsMasterKeyId: z.optional(withoutEffect),
    KmsDataKeyReusePeriodSeconds: z.optional(withoutEffect),
    Tags: z.optional(tagList),
  }),
  (properties, world, { logicalId }) => {
    const { QueueName, RedrivePolicy, Tags, FifoQueue, SqsManagedSseEnabled, KmsMasterKeyId, ...rest } = properties;
    const { KmsDataKeyReusePeriodSeconds, ...numbers } = rest;
    const attributes = Object.entries(numbers).map(([name, value]) => [name, String(value)] as const);
    const name = QueueName ?? physicalName(world, logicalId, 80);
    const queue = world.queues.create(
      name,
      {
        ...Object.fromEntries(attributes),
        ...(RedrivePolicy === undefined ? {} : { RedrivePolicy: JSON.stringify(RedrivePolicy) }),
      },
      tagsOf(Tags),
    );
    const url = `${world.awsUrl}/${world.accountId}/${name}`;
    return { ref: url, attributes: { Arn: queue.arn, QueueName: name, QueueUrl: url } };
  },
);
