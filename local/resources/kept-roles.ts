/** The template's roles and what they may do, kept as they are written. */
export interface Permissions {
  /** By the role's ARN. */
  readonly roles: Map<string, KeptRole>;
}

export interface KeptRole {
  readonly name: string;
  readonly assumedBy: PolicyDocument;
  readonly managedPolicyArns: readonly string[];
  readonly policies: { readonly name: string; readonly document: PolicyDocument }[];
}

export type PolicyDocument = Readonly<Record<string, unknown>>;

export function createPermissions(): Permissions {
  return { roles: new Map() };
}
