/** The stacks of an account that are complete, as CloudFormation tells of them. */
export interface Stacks {
  add(stack: DescribedStack): void;
  /** By name or ARN. */
  find(nameOrArn: string): DescribedStack | undefined;
}

export interface DescribedStack {
  readonly name: string;
  readonly arn: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly resources: readonly {
    readonly logicalId: string;
    readonly physicalId: string;
    readonly type: string;
  }[];
}

export function createStacks(): Stacks {
  const stacks = new Map<string, DescribedStack>();
  return {
    add: (stack) => void stacks.set(stack.name, stack),
    find: (nameOrArn) => stacks.get(nameOrArn) ?? [...stacks.values()].find(({ arn }) => arn === nameOrArn),
  };
}
