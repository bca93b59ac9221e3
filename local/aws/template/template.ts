/** A CloudFormation template, as far as its sections go. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Parameters?: Readonly<Record<string, TemplateParameter>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly Outputs?: Readonly<Record<string, TemplateOutput>>;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
}

export interface TemplateParameter {
  readonly Type: string;
  readonly Default?: string | number;
}

export interface TemplateOutput {
  readonly Value: unknown;
  readonly Condition?: string;
}

/** Something in the template that the local run does not know. The message names the logical id and what it is. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TemplateError';
  }
}

// `Rules` check parameters before a deploy. CDK's only rule is about the bootstrap stack, which no local run has.
const sections = ['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Resources', 'Parameters', 'Conditions'];
const moreSections = ['Mappings', 'Outputs', 'Rules'];
const knownRules = ['CheckBootstrapVersion'];

// Policies about keeping and replacing are for later deploys; Metadata is for tools.
const resourceAttributes = [
  'Type',
  'Properties',
  'DependsOn',
  'Condition',
  'Metadata',
  'DeletionPolicy',
  'UpdateReplacePolicy',
];

/** Throws `TemplateError` where a section or an attribute of a resource is unknown. */
export function readTemplate(value: unknown): Template {
  if (!isRecord(value) || !isRecord(value.Resources)) throw new TemplateError('the template has no Resources');
  for (const section of Object.keys(value)) {
    if (![...sections, ...moreSections].includes(section)) {
      throw new TemplateError(`the template has a section ${section}, which the local run does not know`);
    }
  }
  for (const rule of Object.keys(isRecord(value.Rules) ? value.Rules : {})) {
    if (!knownRules.includes(rule)) throw new TemplateError(`Rules.${rule}: the local run does not know this rule`);
  }
  for (const [logicalId, resource] of Object.entries(value.Resources)) {
    if (!isRecord(resource) || typeof resource.Type !== 'string') {
      throw new TemplateError(`${logicalId}: the resource has no Type`);
    }
    for (const attribute of Object.keys(resource)) {
      if (!resourceAttributes.includes(attribute)) {
        throw new TemplateError(`${logicalId} (${resource.Type}): the local run does not know ${attribute}`);
      }
    }
  }
  return value as unknown as Template;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
