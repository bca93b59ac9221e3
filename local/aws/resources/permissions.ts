import * as z from 'zod';
import { readPolicy } from '../iam/policy-document.ts';
import { physicalName, resourceMaker, tagList, withoutEffect } from './resource-maker.ts';

const document = z.record(z.string(), z.unknown());
const inlinePolicies = z.array(z.strictObject({ PolicyName: z.string(), PolicyDocument: document }));

export const makeRole = resourceMaker(
  z.strictObject({
    AssumeRolePolicyDocument: document,
    RoleName: z.optional(z.string()),
    ManagedPolicyArns: z.optional(z.array(z.string())),
    Policies: z.optional(inlinePolicies),
    Path: z.optional(z.string()),
    Description: z.optional(withoutEffect),
    MaxSessionDuration: z.optional(withoutEffect),
    Tags: z.optional(tagList),
  }),
  (properties, world, { logicalId }) => {
    const name = properties.RoleName ?? physicalName(world, logicalId);
    const arn = `arn:aws:iam::${world.accountId}:role${properties.Path ?? '/'}${name}`;
    world.roles.add({
      arn,
      name,
      assumedBy: properties.AssumeRolePolicyDocument,
      managedPolicyArns: properties.ManagedPolicyArns ?? [],
      writtenAs: logicalId,
    });
    for (const { PolicyName, PolicyDocument } of properties.Policies ?? []) {
      world.roles.attach(name, `${logicalId}/${PolicyName}`, PolicyDocument);
    }
    return { ref: name, attributes: { Arn: arn, RoleId: `AROA${name.slice(0, 16).toUpperCase()}` } };
  },
);

const rolePolicy = z.strictObject({
  PolicyName: z.string(),
  PolicyDocument: document,
  Roles: z.optional(z.array(z.string())),
});

export const makePolicy = resourceMaker(rolePolicy, (properties, world) => {
  for (const role of properties.Roles ?? []) world.roles.attach(role, properties.PolicyName, properties.PolicyDocument);
  return { ref: properties.PolicyName, attributes: { Id: properties.PolicyName } };
});

export const makeManagedPolicy = resourceMaker(
  z.strictObject({
    PolicyDocument: document,
    ManagedPolicyName: z.optional(z.string()),
    Roles: z.optional(z.array(z.string())),
    Path: z.optional(z.string()),
    Description: z.optional(withoutEffect),
  }),
  (properties, world, { logicalId }) => {
    const name = properties.ManagedPolicyName ?? physicalName(world, logicalId);
    for (const role of properties.Roles ?? []) world.roles.attach(role, name, properties.PolicyDocument);
    const arn = `arn:aws:iam::${world.accountId}:policy${properties.Path ?? '/'}${name}`;
    return { ref: arn, attributes: { PolicyArn: arn } };
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
