import type { Grant } from './evaluate-access.ts';
import type { Statement } from './policy-document.ts';

/** Which grants have been used. */
export interface GrantLedger {
  note(grants: readonly Grant[]): void;
  used(): readonly Grant[];
}

export function createGrantLedger(): GrantLedger {
  const used = new Map<string, Grant>();
  // Verdicts are remembered, and with them the lists of grants: one look at the list instead of at each grant.
  const seen = new WeakSet<readonly Grant[]>();
  return {
    note(grants) {
      if (seen.has(grants)) return;
      seen.add(grants);
      for (const grant of grants) used.set(grantKey(grant), grant);
    },
    used: () => [...used.values()],
  };
}

/** Everything that statements allow, one action on one resource at a time. A Deny grants nothing. */
export function grantsOf(statements: readonly Statement[]): Grant[] {
  return statements
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ policy, index, sid, actions, resources }) =>
      actions.flatMap(({ text: action }) =>
        resources.map(({ text: resource }) => ({
          policy,
          statement: index,
          ...(sid === undefined ? {} : { sid }),
          action,
          resource,
        })),
      ),
    );
}

export function grantKey({ policy, statement, action, resource }: Grant): string {
  return `${policy}|${statement}|${action}|${resource}`;
}
