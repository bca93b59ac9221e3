/**
 * Begins the name of every rule, queue and function that is made at run time. It must not begin the name of anything
 * that CloudFormation makes (those begin with the stack's whole name), nor be the beginning of another stage's: the
 * permissions of `provision`, and its clearing up, go by `<prefix>-*`. Hence no hyphen in a stage.
 */
export function routePrefixOf(stackName: string): string {
  const prefix = /^webhook-(fanout-[a-z0-9]{1,13})$/.exec(stackName)?.[1];
  if (prefix === undefined) {
    throw new Error(
      `the stack must be named webhook-fanout-<stage>, with a stage of 1 to 13 of a-z and 0-9, but is ${stackName}`,
    );
  }
  return prefix;
}
