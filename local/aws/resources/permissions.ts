import * as z from 'zod';
import { readPolicy } from '../iam/policy-document.ts';
import { physicalName, resourceMaker, withoutEffect } from './resource-maker.ts';

const document = z.record(z.string(), z.unknown());

export const makeRole = resourceMaker(
  z.strictObject({
    AssumeRolePolicyDocument: document,
    Description: z.optional(withoutEffect),
    Tags: z.optional(withoutEffect),
  }),
  (properties, world, { logicalId }) => {
    const name = physicalName(world, logicalId);
    const arn = `arn:aws:iam::${world.accountId}:role/${name}`;
    world.roles.add({ arn, name, assumedBy: properties.AssumeRolePolicyDocument, writtenAs: logicalId });
    return { ref: name, attributes: { Arn: arn } };
  },
);

export const makePolicy = resourceMaker(
  z.strictObject({ PolicyName: z.string(), PolicyDocument: document, Roles: z.array(z.string()) }),
  ({ PolicyName, PolicyDocument, Roles }, world) => {
    for (const role of Roles) world.roles.attach(role, PolicyName, PolicyDocument);
    return { ref: PolicyName, attributes: { Id: PolicyName } };
  },
);

export const makeQueuePolicy = resourceMaker(
  z.strictObject({ PolicyDocument: document, Queues: z.array(z.string()) }),
  (properties, world, { logicalId }) => {
    // Throws for what is not known here, before anybody is kept out by it, or let in.
    readPolicy(properties.PolicyDocument, logicalId, 'resource');
    for (const url of properties.Queues) {
      const queue = world.queues.get(url.slice(url.lastIndexOf('/') + 1));
      // CloudFormation would let the second one overwrite the first without a word.
      if (queue.policy() !== undefined) throw new Error(`the queue ${queue.name} has a policy already`);
      queue.setAttributes({ Policy: JSON.stringify(properties.PolicyDocument) });
    }
    return { ref: physicalName(world, logicalId) };
  },
);
