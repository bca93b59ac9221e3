import { notServed } from '../not-served.ts';

/** A CloudFormation template, as far as its sections go. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Parameters?: Readonly<Record<string, TemplateParameter>>;
  readonly Outputs?: Readonly<Record<string, TemplateOutput>>;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
}

export interface TemplateParameter {
  readonly Type: string;
  readonly Default?: string | number;
}

export interface TemplateOutput {
  readonly Value: unknown;
}

/** Something in the template that the local run does not know. The message names the logical id and what it is. */
export class TemplateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TemplateError';
  }
}

// `Rules` check parameters before a deploy. CDK's only rule is about the bootstrap stack, which no local run has.
const sections = ['AWSTemplateFormatVersion', 'Description', 'Resources', 'Parameters', 'Outputs', 'Rules'];
const knownRules = ['CheckBootstrapVersion'];

// Policies about keeping and replacing are for later deploys; Metadata is for tools.
const resourceAttributes = ['Type', 'Properties', 'DependsOn', 'Metadata', 'DeletionPolicy', 'UpdateReplacePolicy'];

/** Throws `TemplateError` where a section or an attribute of a resource is unknown. */
export function readTemplate(value: unknown): Template {
  if (!isRecord(value) || !isRecord(value.Resources)) throw new TemplateError('the template has no Resources');
  for (const section of Object.keys(value)) {
    if (!sections.includes(section)) throw new TemplateError(notServed(`the template's section ${section}`));
  }
  for (const rule of Object.keys(isRecord(value.Rules) ? value.Rules : {})) {
    if (!knownRules.includes(rule)) throw new TemplateError(notServed(`Rules.${rule}`));
  }
  for (const [name, parameter] of membersOf(value, 'Parameters')) {
    if (typeof parameter.Type !== 'string') throw new TemplateError(`Parameters.${name}: the parameter has no Type`);
    if (!['string', 'number', 'undefined'].includes(typeof parameter.Default)) {
      throw new TemplateError(`Parameters.${name}: the default is neither a text nor a number`);
    }
  }
  for (const [name, { Value }] of membersOf(value, 'Outputs')) {
    if (Value === undefined) throw new TemplateError(`Outputs.${name}: the output has no Value`);
  }
  for (const [logicalId, resource] of Object.entries(value.Resources)) {
    if (!isRecord(resource) || typeof resource.Type !== 'string') {
      throw new TemplateError(`${logicalId}: the resource has no Type`);
    }
    if (![resource.DependsOn ?? []].flat().every((dependency) => typeof dependency === 'string')) {
      throw new TemplateError(`${logicalId}: DependsOn is neither a name nor a list of names`);
    }
    for (const attribute of Object.keys(resource)) {
      if (!resourceAttributes.includes(attribute)) {
        throw new TemplateError(`${logicalId} (${resource.Type}): ${notServed(attribute)}`);
      }
    }
  }
  return value as unknown as Template;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function membersOf(template: Record<string, unknown>, section: string): [name: string, Record<string, unknown>][] {
  const { [section]: members = {} } = template;
  if (!isRecord(members)) throw new TemplateError(`${section}: this is no map`);
  return Object.entries(members).map(([name, member]) => {
    if (!isRecord(member)) throw new TemplateError(`${section}.${name}: this is no map`);
    return [name, member];
  });
}
