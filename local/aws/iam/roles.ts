import { readPolicy, type Statement } from './policy-document.ts';
import { PolicyError } from './policy-error.ts';

/** The account's roles and what they may do. Every policy is read when it is added: `PolicyError` where it cannot be. */
export interface Roles {
  add(role: {
    readonly arn: string;
    readonly name: string;
    readonly assumedBy: unknown;
    /** For what is said about its trust policy: where it is written. */
    readonly writtenAs: string;
  }): void;
  /** A policy of its own. Throws `PolicyError` where there is no such role. */
  attach(roleName: string, policyName: string, document: unknown): void;
  find(roleArn: string): Role | undefined;
  list(): readonly Role[];
}

export interface Role {
  readonly arn: string;
  readonly name: string;
  readonly trust: readonly Statement[];
  readonly statements: readonly Statement[];
}

export function createRoles(): Roles {
  const roles = new Map<string, Role & { statements: Statement[] }>();
  return {
    add({ arn, name, assumedBy, writtenAs }) {
      const trust = readPolicy(assumedBy, `${writtenAs} (trust)`, 'trust');
      roles.set(arn, { arn, name, trust, statements: [] });
    },
    attach(roleName, policyName, document) {
      const role = [...roles.values()].find(({ name }) => name === roleName);
      if (role === undefined) throw new PolicyError(`Roles names ${roleName}, which the template does not make`);
      role.statements.push(...readPolicy(document, policyName, 'identity'));
    },
    find: (roleArn) => roles.get(roleArn),
    list: () => [...roles.values()],
  };
}
