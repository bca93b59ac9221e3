import { readPolicy, type Statement } from './policy-document.ts';
import { PolicyError } from './policy-error.ts';

const logs = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];
const queue = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
const stream = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'];
const traces = [
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
  'xray:GetSamplingStatisticSummaries',
];

/** Each allows its actions on everything. https://docs.aws.amazon.com/aws-managed-policy/latest/reference/ */
const actionsOfManagedPolicies: Readonly<Record<string, readonly string[]>> = {
  'service-role/AWSLambdaBasicExecutionRole': logs,
  'service-role/AWSLambdaSQSQueueExecutionRole': [...logs, ...queue],
  'service-role/AWSLambdaDynamoDBExecutionRole': [...logs, ...stream],
  AWSXRayDaemonWriteAccess: traces,
};

/** What one of AWS's own policies allows. Throws `PolicyError` for one that is not known here. */
export function managedPolicy(arn: string): Statement[] {
  const name = arn.replace(/^arn:aws:iam::aws:policy\//, '');
  const actions = Object.hasOwn(actionsOfManagedPolicies, name) ? actionsOfManagedPolicies[name] : undefined;
  if (actions === undefined) {
    throw new PolicyError(
      `the local run does not know the managed policy ${arn}; it knows ${Object.keys(actionsOfManagedPolicies).join(', ')}`,
    );
  }
  const statement = { Effect: 'Allow', Action: actions, Resource: '*' };
  return readPolicy({ Version: '2012-10-17', Statement: statement }, name, 'identity');
}
