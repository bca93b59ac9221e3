/**
 * The actions that are allowed on `*`, because IAM knows no resource for them, each with what that means at worst. A
 * test holds the template against this list. https://docs.aws.amazon.com/service-authorization/latest/reference/
 */
export const unscopedActions = {
  'xray:PutTraceSegments': 'Writes traces and can read none.',
  'xray:PutTelemetryRecords': 'Writes traces and can read none.',
  'lambda:CreateEventSourceMapping': 'A condition narrows it to the functions of routes.',
  'events:ListRules': 'Shows the names of rules and their patterns, and no event.',
  'events:ListReplays': 'Shows the names of replays and how far they have come, and no event.',
  'cloudwatch:GetMetricData': 'Shows figures, and no event; those of the account, since IAM knows no narrower.',
  'sqs:ListQueues': 'Shows the names of queues, and no message.',
  'lambda:GetAccountSettings': 'Shows limits of the account.',
  'lambda:ListFunctions': 'Shows functions with their environments, where no function of ours has a secret.',
  'lambda:ListEventSourceMappings': 'Shows which function reads which queue, and no message.',
  'dynamodb:ListStreams': 'Shows the names of streams, and no record.',
} as const satisfies Record<string, string>;

export type UnscopedAction = keyof typeof unscopedActions;
