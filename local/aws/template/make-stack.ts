import { notServed } from '../not-served.ts';
import { creationOrder } from './creation-order.ts';
import { type EvaluationScope, evaluate, noValue } from './evaluate.ts';
import { isRecord, type Template, TemplateError } from './template.ts';

/** One resource of the template, its functions evaluated. */
export interface ResolvedResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What a resource answers to `Ref` and to `Fn::GetAtt`. */
export interface MadeResource {
  readonly ref: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface MakeStackOptions {
  readonly stackName: string;
  readonly region: string;
  readonly accountId: string;
  /** Called for each resource, in the order of their dependencies. */
  readonly make: (resource: ResolvedResource) => MadeResource | Promise<MadeResource>;
  /** Types that come after all others, where nothing depends on them. */
  readonly last?: (type: string) => boolean;
}

export interface MadeStack {
  readonly arn: string;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** In the order in which they were made. */
  readonly resources: readonly { readonly logicalId: string; readonly physicalId: string; readonly type: string }[];
}

/** Throws `TemplateError`, and whatever `make` throws. */
export async function makeStack(template: Template, options: MakeStackOptions): Promise<MadeStack> {
  const made = new Map<string, MadeResource>();
  const { stackName, region, accountId } = options;
  const arn = `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/local`;
  const scope = createScope(template, { ...options, arn }, made);
  for (const logicalId of creationOrder(template, options.last)) {
    const resource = template.Resources[logicalId];
    if (resource === undefined) continue;
    const properties = evaluate(resource.Properties ?? {}, scope, logicalId);
    if (!isRecord(properties)) throw new TemplateError(`${logicalId}: its properties are no map`);
    made.set(logicalId, await options.make({ logicalId, type: resource.Type, properties }));
  }
  const outputs = Object.entries(template.Outputs ?? {}).map(([name, output]) => [
    name,
    evaluate(output.Value, scope, `Outputs.${name}`),
  ]);
  const resources = [...made].map(([logicalId, { ref }]) => {
    return { logicalId, physicalId: ref, type: template.Resources[logicalId]?.Type ?? '' };
  });
  return { arn, outputs: Object.fromEntries(outputs), resources };
}

function createScope(
  template: Template,
  { stackName, region, accountId, arn }: MakeStackOptions & { readonly arn: string },
  made: ReadonlyMap<string, MadeResource>,
): EvaluationScope {
  const pseudoParameters: Readonly<Record<string, unknown>> = {
    'AWS::AccountId': accountId,
    'AWS::NoValue': noValue,
    'AWS::NotificationARNs': [],
    'AWS::Partition': 'aws',
    'AWS::Region': region,
    'AWS::StackId': arn,
    'AWS::StackName': stackName,
    'AWS::URLSuffix': 'amazonaws.com',
  };

  const resourceOf = (logicalId: string): MadeResource => {
    const resource = made.get(logicalId);
    if (resource !== undefined) return resource;
    throw new TemplateError(`${logicalId}: the template has neither a parameter nor a resource of this name`);
  };

  return {
    ref(name) {
      if (Object.hasOwn(pseudoParameters, name)) return pseudoParameters[name];
      const parameter = template.Parameters?.[name];
      if (parameter === undefined) return resourceOf(name).ref;
      if (parameter.Default === undefined) throw new TemplateError(`Parameters.${name} has no default`);
      return String(parameter.Default);
    },
    attribute(logicalId, attribute) {
      const attributes = resourceOf(logicalId).attributes ?? {};
      if (Object.hasOwn(attributes, attribute)) return attributes[attribute];
      const type = template.Resources[logicalId]?.Type;
      throw new TemplateError(`${logicalId} (${type}): ${notServed(`the attribute ${attribute}`)}`);
    },
  };
}
