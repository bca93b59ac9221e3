import type { Template } from '../../local/aws/template/template.ts';

/** One thing that the template lets somebody do, and the template without it. */
export interface TemplateGrant {
  /** Who holds it, by the name of its resource in the template. */
  readonly holder: string;
  /** `sqs:SendMessage on InactivityTimersQueue067E2D87.Arn` */
  readonly what: string;
  readonly without: () => Template;
}

interface Statement {
  readonly Effect: string;
  readonly Action?: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

interface Document {
  readonly Statement: Statement | readonly Statement[];
}

interface Written {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
}

/**
 * Every grant of the template: of each policy one action on one resource at a time, each trust, each permission of a
 * function. Not those without an effect on this machine: a topic's policy, for nothing is published here.
 */
export function grantsOfTemplate(template: Template): TemplateGrant[] {
  const resources = template.Resources as unknown as Readonly<Record<string, Written>>;
  return Object.entries(resources).flatMap(([logicalId, resource]) => {
    const change = (changed: Written | undefined): Template => replaced(template, logicalId, changed);
    const inProperty = (name: string, of: string): TemplateGrant[] =>
      ofDocument(resource.Properties?.[name] as Document, of, (document) =>
        change({ ...resource, Properties: { ...resource.Properties, [name]: document } }),
      );
    switch (resource.Type) {
      case 'AWS::IAM::Policy':
      case 'AWS::SQS::QueuePolicy':
        return inProperty('PolicyDocument', logicalId);
      case 'AWS::IAM::Role':
        if (resource.Properties?.Policies !== undefined) throw new Error(`${logicalId} has policies within it`);
        return inProperty('AssumeRolePolicyDocument', logicalId);
      case 'AWS::Lambda::Permission':
        return [{ holder: logicalId, what: permissionText(resource), without: () => change(undefined) }];
      default:
        return [];
    }
  });
}

function ofDocument(
  document: Document,
  holder: string,
  withDocument: (document: Document) => Template,
): TemplateGrant[] {
  const statements = [document.Statement].flat() as Statement[];
  return statements.flatMap((statement, index) => {
    if (statement.Effect !== 'Allow') return [];
    const actions = [statement.Action ?? []].flat() as string[];
    // A trust policy names no resource.
    const resources = statement.Resource === undefined ? [undefined] : [statement.Resource].flat();
    return actions.flatMap((action) =>
      resources.map((resource) => ({
        holder,
        what: `${action}${resource === undefined ? '' : ` on ${resourceText(resource)}`}`,
        without: () =>
          withDocument({
            ...document,
            Statement: statements.toSpliced(index, 1, ...statementsWithout(statement, action, resource)),
          }),
      })),
    );
  });
}

/** The statement without one action on one resource: its other actions, and that action on its other resources. */
function statementsWithout(statement: Statement, action: string, resource: unknown): Statement[] {
  const otherActions = ([statement.Action ?? []].flat() as string[]).filter((each) => each !== action);
  const otherResources = [statement.Resource ?? []].flat().filter((each) => each !== resource);
  return [
    ...(otherActions.length === 0 ? [] : [{ ...statement, Action: otherActions }]),
    ...(otherResources.length === 0 ? [] : [{ ...statement, Action: action, Resource: otherResources }]),
  ];
}

function replaced(template: Template, logicalId: string, resource: Written | undefined): Template {
  const others = Object.entries(template.Resources as unknown as Readonly<Record<string, Written>>).flatMap(
    ([id, each]): [string, Written][] => {
      if (id === logicalId) return resource === undefined ? [] : [[id, resource]];
      if (resource !== undefined || each.DependsOn === undefined) return [[id, each]];
      return [[id, { ...each, DependsOn: [each.DependsOn].flat().filter((on) => on !== logicalId) }]];
    },
  );
  return { ...template, Resources: Object.fromEntries(others) } as unknown as Template;
}

function permissionText({ Properties = {} }: Written): string {
  const { Action, Principal, FunctionName } = Properties;
  return `${String(Action)} by ${String(Principal)} on ${resourceText(FunctionName)}`;
}

/** References by name, texts as they are. */
function resourceText(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join, 'Fn::Sub': sub } = resource as Record<string, unknown>;
  if (typeof sub === 'string') return sub.replace(/\$\{AWS::(\w+)\}/g, '<$1>');
  if (typeof Ref === 'string') return Ref.startsWith('AWS::') ? `<${Ref.slice(5)}>` : Ref;
  if (Array.isArray(attribute)) return attribute.join('.');
  if (Array.isArray(join)) return (join[1] as unknown[]).map(resourceText).join(String(join[0]));
  return JSON.stringify(resource);
}
