import * as z from 'zod';
import { physicalName, resourceMaker, templateNumber, withoutEffect } from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html */
export const makeQueue = resourceMaker(
  z.strictObject({
    MessageRetentionPeriod: z.optional(templateNumber),
    ReceiveMessageWaitTimeSeconds: z.optional(templateNumber),
    VisibilityTimeout: z.optional(templateNumber),
    RedrivePolicy: z.optional(z.strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: templateNumber })),
    // Encryption of what is not stored.
    SqsManagedSseEnabled: z.optional(withoutEffect),
    Tags: z.optional(withoutEffect),
  }),
  ({ RedrivePolicy, SqsManagedSseEnabled, Tags, ...numbers }, world, { logicalId }) => {
    const name = physicalName(world, logicalId, 80);
    const queue = world.queues.create(name, {
      ...Object.fromEntries(Object.entries(numbers).map(([attribute, value]) => [attribute, String(value)])),
      ...(RedrivePolicy === undefined ? {} : { RedrivePolicy: JSON.stringify(RedrivePolicy) }),
    });
    const url = `${world.awsUrl}/${world.accountId}/${name}`;
    return { ref: url, attributes: { Arn: queue.arn, QueueName: name, QueueUrl: url } };
  },
);
