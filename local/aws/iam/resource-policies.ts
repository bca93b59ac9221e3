import { readPolicy, type Statement } from './policy-document.ts';
import { PolicyError } from './policy-error.ts';

export interface ResourcePoliciesOptions {
  /** The policy of a resource, JSON text; undefined where it has none. */
  readonly textOf: (resourceArn: string) => string | undefined;
  /** A policy that cannot be read lets nobody in. */
  readonly onUnreadable: (resourceArn: string, why: string) => void;
}

/** The statements of a resource's own policy. The same list as long as the policy stays the same: each is read once. */
export function createResourcePolicies({ textOf, onUnreadable }: ResourcePoliciesOptions) {
  const read = new Map<string, { readonly text: string; readonly statements: readonly Statement[] }>();
  const none: readonly Statement[] = [];

  return (resourceArn: string): readonly Statement[] => {
    const text = textOf(resourceArn);
    if (text === undefined || text === '') return none;
    const known = read.get(resourceArn);
    if (known?.text === text) return known.statements;
    const statements = readText(text, resourceArn);
    read.set(resourceArn, { text, statements });
    return statements;
  };

  function readText(text: string, resourceArn: string): readonly Statement[] {
    try {
      return readPolicy(JSON.parse(text), `of ${resourceArn}`, 'resource');
    } catch (error) {
      if (!(error instanceof PolicyError || error instanceof SyntaxError)) throw error;
      onUnreadable(resourceArn, error.message);
      return none;
    }
  }
}
