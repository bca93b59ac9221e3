import { creationOrder } from './creation-order.ts';
import { type EvaluationScope, evaluate, evaluateCondition, noValue } from './evaluate.ts';
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
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface MadeStack {
  readonly resources: ReadonlyMap<string, MadeResource>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Throws `TemplateError`, and whatever `make` throws. */
export async function makeStack(template: Template, options: MakeStackOptions): Promise<MadeStack> {
  const made = new Map<string, MadeResource>();
  const scope = createScope(template, options, made);
  for (const logicalId of creationOrder(template, options.last)) {
    const resource = template.Resources[logicalId];
    if (resource === undefined) continue;
    if (resource.Condition !== undefined && !scope.condition(resource.Condition)) continue;
    const properties = evaluate(resource.Properties ?? {}, scope, logicalId);
    if (!isRecord(properties)) throw new TemplateError(`${logicalId}: its properties are no map`);
    made.set(logicalId, await options.make({ logicalId, type: resource.Type, properties }));
  }
  const outputs = Object.entries(template.Outputs ?? {})
    .filter(([, output]) => output.Condition === undefined || scope.condition(output.Condition))
    .map(([name, output]) => [name, evaluate(output.Value, scope, `Outputs.${name}`)] as const);
  return { resources: made, outputs: Object.fromEntries(outputs) };
}

function createScope(
  template: Template,
  options: MakeStackOptions,
  made: ReadonlyMap<string, MadeResource>,
): EvaluationScope {
  const { stackName, region, accountId } = options;
  const pseudoParameters: Readonly<Record<string, unknown>> = {
    'AWS::AccountId': accountId,
    'AWS::NoValue': noValue,
    'AWS::NotificationARNs': [],
    'AWS::Partition': 'aws',
    'AWS::Region': region,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/local`,
    'AWS::StackName': stackName,
    'AWS::URLSuffix': 'amazonaws.com',
  };
  const conditionsUnderWay: string[] = [];

  const resourceOf = (logicalId: string): MadeResource => {
    const resource = made.get(logicalId);
    if (resource !== undefined) return resource;
    const declared = template.Resources[logicalId];
    throw new TemplateError(
      declared === undefined
        ? `${logicalId}: the template has neither a parameter nor a resource of this name`
        : `${logicalId} (${declared.Type}) is referred to, but its condition ${declared.Condition} does not hold`,
    );
  };

  const scope: EvaluationScope = {
    ref(name) {
      if (Object.hasOwn(pseudoParameters, name)) return pseudoParameters[name];
      const parameter = template.Parameters?.[name];
      if (parameter === undefined) return resourceOf(name).ref;
      const value = options.parameters?.[name] ?? parameter.Default;
      if (value === undefined) throw new TemplateError(`Parameters.${name} has no default, and no value was given`);
      return parameter.Type.startsWith('List<') || parameter.Type === 'CommaDelimitedList'
        ? String(value).split(',')
        : String(value);
    },
    attribute(logicalId, attribute) {
      const attributes = resourceOf(logicalId).attributes ?? {};
      if (Object.hasOwn(attributes, attribute)) return attributes[attribute];
      const type = template.Resources[logicalId]?.Type;
      const known = Object.keys(attributes);
      throw new TemplateError(
        `${logicalId} (${type}): the local run does not know the attribute ${attribute}${
          known.length === 0 ? '' : `; it knows ${known.join(', ')}`
        }`,
      );
    },
    condition(name) {
      const condition = template.Conditions?.[name];
      if (condition === undefined) throw new TemplateError(`Conditions.${name}: there is no such condition`);
      if (conditionsUnderWay.includes(name)) throw new TemplateError(`Conditions.${name} depends on itself`);
      conditionsUnderWay.push(name);
      const result = evaluateCondition(condition, scope, `Conditions.${name}`);
      conditionsUnderWay.pop();
      return result;
    },
    mapping(map, key, subKey) {
      const value = template.Mappings?.[map]?.[key];
      if (!isRecord(value) || !Object.hasOwn(value, subKey)) {
        throw new TemplateError(`Mappings.${map}.${key}.${subKey}: there is no such entry`);
      }
      return value[subKey];
    },
  };
  return scope;
}
