import * as z from 'zod';
import type { PolicyDocument } from './kept-roles.ts';
import { physicalName, resourceMaker, tagList, withoutEffect } from './resource-maker.ts';
import type { World } from './world.ts';

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
    world.permissions.roles.set(arn, {
      name,
      assumedBy: properties.AssumeRolePolicyDocument,
      managedPolicyArns: properties.ManagedPolicyArns ?? [],
      policies: (properties.Policies ?? []).map((policy) => ({
        name: policy.PolicyName,
        document: policy.PolicyDocument,
      })),
    });
    return { ref: name, attributes: { Arn: arn, RoleId: `AROA${name.slice(0, 16).toUpperCase()}` } };
  },
);

const rolePolicy = z.strictObject({
  PolicyName: z.string(),
  PolicyDocument: document,
  Roles: z.optional(z.array(z.string())),
});

export const makePolicy = resourceMaker(rolePolicy, (properties, world) => {
  attachToRoles(world, properties.Roles ?? [], properties.PolicyName, properties.PolicyDocument);
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
    attachToRoles(world, properties.Roles ?? [], name, properties.PolicyDocument);
    const arn = `arn:aws:iam::${world.accountId}:policy${properties.Path ?? '/'}${name}`;
    return { ref: arn, attributes: { PolicyArn: arn } };
  },
);

function attachToRoles(world: World, roleNames: readonly string[], name: string, policy: PolicyDocument): void {
  for (const roleName of roleNames) {
    const role = [...world.permissions.roles.values()].find((each) => each.name === roleName);
    if (role === undefined) throw new Error(`Roles names ${roleName}, which the template does not make`);
    role.policies.push({ name, document: policy });
  }
}

export const makeQueuePolicy = resourceMaker(
  z.strictObject({ PolicyDocument: document, Queues: z.array(z.string()) }),
  (properties, world, { logicalId }) => {
    for (const url of properties.Queues) {
      const queue = world.queues.get(url.slice(url.lastIndexOf('/') + 1));
      // CloudFormation would let the second one overwrite the first without a word.
      if (queue.policy() !== undefined) throw new Error(`the queue ${queue.name} has a policy already`);
      queue.setAttributes({ Policy: JSON.stringify(properties.PolicyDocument) });
    }
    return { ref: physicalName(world, logicalId) };
  },
);
