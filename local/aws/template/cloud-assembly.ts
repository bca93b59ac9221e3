import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord, readTemplate, type Template, TemplateError } from './template.ts';

/** What `cdk synth` writes: one stack's template and where its assets lie. */
export interface CloudAssembly {
  readonly stackName: string;
  readonly template: Template;
  /** Folder or file of an asset, by the bucket and key under which the template names it. */
  assetPath(bucket: string, key: string): string | undefined;
}

export interface AssemblyOptions {
  readonly region: string;
  readonly accountId: string;
}

/**
 * Reads a cloud assembly with one stack. Throws `TemplateError` where it has none or several, or where it holds
 * something else that would have to be deployed.
 * Source: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.cloud_assembly_schema-readme.html
 */
export function readCloudAssembly(directory: string, options: AssemblyOptions): CloudAssembly {
  const manifest = readJson(join(directory, 'manifest.json')) as { artifacts?: Record<string, Artifact> };
  const artifacts = Object.entries(manifest.artifacts ?? {});
  const stacks = artifacts.filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const [stack, ...others] = stacks;
  if (stack === undefined) throw new TemplateError(`${directory}: the cloud assembly has no stack`);
  if (others.length > 0) {
    const names = stacks.map(([name]) => name).join(', ');
    throw new TemplateError(`${directory}: the local run runs one stack, and the cloud assembly has ${names}`);
  }
  const nested = artifacts.find(([, { type }]) => type === 'cdk:cloud-assembly');
  if (nested !== undefined) throw new TemplateError(`${nested[0]}: the local run does not know stages`);

  const [stackId, { properties: stackProperties }] = stack;
  const templateFile = join(directory, stackProperties?.templateFile ?? '');
  const assetFiles = artifacts
    .filter(([, { type }]) => type === 'cdk:asset-manifest')
    .map(([, { properties }]) => join(directory, properties?.file ?? ''));
  const paths = new Map(assetFiles.flatMap((file) => readAssets(directory, file, options)));

  return {
    stackName: stackProperties?.stackName ?? stackId,
    template: readTemplate(readJson(templateFile)),
    assetPath: (bucket, key) => paths.get(`${bucket}/${key}`),
  };
}

interface Artifact {
  readonly type: string;
  readonly properties?: { readonly templateFile?: string; readonly file?: string; readonly stackName?: string };
}

interface AssetManifest {
  readonly files?: Record<
    string,
    {
      readonly source: { readonly path?: string };
      readonly destinations: Record<string, { readonly bucketName: string; readonly objectKey: string }>;
    }
  >;
  readonly dockerImages?: Record<string, unknown>;
}

function readAssets(directory: string, file: string, options: AssemblyOptions): [string, string][] {
  const manifest = readJson(file) as AssetManifest;
  const [image] = Object.keys(manifest.dockerImages ?? {});
  if (image !== undefined) throw new TemplateError(`asset ${image}: the local run does not know container images`);
  return Object.values(manifest.files ?? {}).flatMap(({ source, destinations }) =>
    Object.values(destinations).map(({ bucketName, objectKey }): [string, string] => [
      `${withPlaceholders(bucketName, options)}/${withPlaceholders(objectKey, options)}`,
      join(directory, source.path ?? ''),
    ]),
  );
}

/** Names in a manifest hold pseudo parameters where the stack is for any account. */
function withPlaceholders(text: string, { region, accountId }: AssemblyOptions): string {
  const values: Readonly<Record<string, string>> = { AccountId: accountId, Region: region, Partition: 'aws' };
  return text.replace(/\$\{AWS::(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
}

function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new TemplateError(`cannot read ${file}: ${(error as Error).message}`);
  }
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new TemplateError(`${file}: this is no JSON object`);
  return value;
}
