import { Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Why a finding of the AWS Solutions rules is right as it is, for this construct and what is in it. */
export function explain(scope: Construct, rule: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason });
}

/** Why a role may act on a resource with a `*` in it. */
export function explainWildcard(scope: Construct, arn: string, reason: string): void {
  explain(scope, `IAM5[Resource::${asTheRulesPrintIt(scope, arn)}]`, reason);
}

/** `arn:<AWS::Partition>:sqs:…`: references in angle brackets. */
function asTheRulesPrintIt(scope: Construct, arn: string): string {
  const resolved: unknown = Stack.of(scope).resolve(arn);
  if (typeof resolved === 'string') return resolved;
  const [, parts] = (resolved as { 'Fn::Join': [string, (string | { Ref: string })[]] })['Fn::Join'];
  return parts.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join('');
}
