import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApp } from '../../infra/build-app.ts';
import { lambdaNames } from '../../infra/bundle-lambdas.ts';
import type { WebhookFanoutProps } from '../../infra/webhook-fanout-stack.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: string | string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Template {
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { readonly Value: unknown; readonly Description?: string }>;
}

/** Bundles that do nothing: the stack is under test here, and what it is made of does not matter to it. */
export function placeholderBundles(code = 'export const handler = async () => {};'): string {
  const directory = mkdtempSync(join(tmpdir(), 'bundles-'));
  for (const name of lambdaNames) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'index.mjs'), `// ${name}\n${code}\n`);
  }
  return directory;
}

export function synthesise(props: WebhookFanoutProps = {}): Template {
  const app = buildApp({ bundleDirectory: placeholderBundles(), ...props });
  const [stack] = app.synth().stacks;
  if (stack === undefined) throw new Error('the app has no stack');
  return stack.template as Template;
}

/** The resources of a type, by logical id. */
export function ofType(template: Template, type: string): [string, Resource][] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}
