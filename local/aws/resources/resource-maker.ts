import { createHash } from 'node:crypto';
import * as z from 'zod';
import { notServed } from '../not-served.ts';
import type { MadeResource, ResolvedResource } from '../template/make-stack.ts';
import { TemplateError } from '../template/template.ts';
import type { World } from './world.ts';

export type ResourceMaker = (resource: ResolvedResource, world: World) => MadeResource | Promise<MadeResource>;

/**
 * A maker that first reads the properties by a schema. Every property that the schema does not name is an error, also
 * within a property: what the local run would silently leave out, it refuses.
 */
export function resourceMaker<Schema extends z.ZodType>(
  schema: Schema,
  make: (properties: z.infer<Schema>, world: World, resource: ResolvedResource) => MadeResource | Promise<MadeResource>,
): ResourceMaker {
  return async (resource, world) => {
    const read = schema.safeParse(resource.properties);
    const label = `${resource.logicalId} (${resource.type})`;
    if (!read.success) throw new TemplateError(`${label}: ${read.error.issues.map(describeIssue).join('; ')}`);
    try {
      return await make(read.data, world, resource);
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      const { code, message } = error as { code?: string; message: string };
      throw new TemplateError(`${label}: ${code === undefined ? '' : `${code}: `}${message}`);
    }
  };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => (path === '' ? key : `${path}.${key}`));
    return notServed(`the property ${names.join(', ')}`);
  }
  return `${path === '' ? 'the properties' : path}: ${issue.message}`;
}

/** Numbers and truth values of a template may be texts. */
export const templateNumber = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+(\.\d+)?$/)
    .transform(Number),
]);
export const templateBoolean = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
/** A property without an effect here; the reason stands where it is used. */
export const withoutEffect = z.unknown();

/** A name as CloudFormation makes it where the template gives none: the same at every start. */
export function physicalName(world: World, logicalId: string, longest = 64): string {
  const suffix = createHash('sha256').update(`${world.stackName}/${logicalId}`).digest('hex').slice(0, 12);
  return `${`${world.stackName}-${logicalId}`.slice(0, longest - 13)}-${suffix}`;
}
