import { referencesOf } from './evaluate.ts';
import { type Template, TemplateError, type TemplateResource } from './template.ts';

/**
 * The logical ids in an order in which each comes after all that it depends on, otherwise as the template lists them,
 * with the types that are to come `last` after all others that do not depend on them.
 * Throws `TemplateError` that names the resources of a cycle, or a `DependsOn` that is not there.
 */
export function creationOrder(template: Template, last: (type: string) => boolean = () => false): string[] {
  const resources = template.Resources;
  const order: string[] = [];
  const done = new Set<string>();
  const underWay: string[] = [];

  const visit = (logicalId: string): void => {
    if (done.has(logicalId)) return;
    if (underWay.includes(logicalId)) {
      const cycle = [...underWay.slice(underWay.indexOf(logicalId)), logicalId];
      throw new TemplateError(`these resources depend on each other in a circle: ${cycle.join(' -> ')}`);
    }
    underWay.push(logicalId);
    const resource = resources[logicalId];
    if (resource !== undefined)
      for (const dependency of dependenciesOf(logicalId, resource, resources)) visit(dependency);
    underWay.pop();
    done.add(logicalId);
    order.push(logicalId);
  };
  const isLate = (logicalId: string): boolean => last(resources[logicalId]?.Type ?? '');
  const logicalIds = Object.keys(resources);
  for (const logicalId of [...logicalIds.filter((id) => !isLate(id)), ...logicalIds.filter(isLate)]) visit(logicalId);
  return order;
}

function dependenciesOf(logicalId: string, resource: TemplateResource, resources: Template['Resources']): string[] {
  const explicit = [resource.DependsOn ?? []].flat();
  for (const dependency of explicit) {
    if (!Object.hasOwn(resources, dependency)) {
      throw new TemplateError(`${logicalId}: DependsOn names ${dependency}, which the template does not have`);
    }
  }
  const referred = [...referencesOf(resource.Properties)].filter((name) => Object.hasOwn(resources, name));
  return [...explicit, ...referred];
}
