import { attributesInUse } from './attributes-in-use.ts';

/** What a call needs to be allowed: one action on one resource. A call may have several needs, and needs them all. */
export interface Need {
  readonly action: string;
  /** An ARN; `*` for an action for which IAM knows no resource. */
  readonly resource: string;
  /** Condition keys of this call, in lower case. */
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

/** Where the names in a request lead to. */
export interface Account {
  readonly region: string;
  readonly accountId: string;
  /** By name or ARN. */
  readonly secretArn: (secretId: string) => string | undefined;
  /** Of an event source mapping, by its id. */
  readonly mappedFunctionArn: (uuid: string) => string | undefined;
}

type Input = Readonly<Record<string, unknown>>;
type Needs = (input: Input, account: Account) => readonly Need[];

/**
 * The needs of each operation, by `<service>:<operation>`. Sources: the tables of actions and resource types of
 * https://docs.aws.amazon.com/service-authorization/latest/reference/ (list_amazondynamodb, list_amazoneventbridge,
 * list_amazonsqs, list_awslambda, list_awssecretsmanager, list_awssecuritytokenservice, list_awsx-ray, list_amazoncloudwatch, list_awscloudformation, list_amazoncloudwatchlogs); what is said elsewhere has its
 * source beside it.
 */
export const operationNeeds: Readonly<Record<string, Needs>> = {
  ...each('dynamodb', ['CreateTable', 'DeleteItem', 'DeleteTable', 'GetItem', 'PutItem'], (action) => {
    return (input, account) => [{ action, resource: tableArn(account, input.TableName) }];
  }),
  'dynamodb:UpdateItem': (input, account) => [
    {
      action: 'dynamodb:UpdateItem',
      resource: tableArn(account, input.TableName),
      context: { 'dynamodb:attributes': attributesInUse(input) },
    },
  ],
  // An index is a resource of its own: who may query the table may not query the index, nor the other way round.
  ...each('dynamodb', ['Query', 'Scan'], (action) => (input, account) => {
    const table = tableArn(account, input.TableName);
    const index = input.IndexName;
    return [{ action, resource: typeof index === 'string' ? `${table}/index/${index}` : table }];
  }),
  // For each table for itself, and never PutItem, DeleteItem or GetItem.
  ...each('dynamodb', ['BatchGetItem', 'BatchWriteItem'], (action) => (input, account) => {
    const tables = Object.keys((input.RequestItems ?? {}) as object);
    return tables.map((table) => ({ action, resource: tableArn(account, table) }));
  }),
  ...each('dynamodb', ['ListTables'], withoutResource),

  'events:PutEvents': (input, account) => {
    const entries = objects(input.Entries);
    const buses = new Set(entries.map(({ EventBusName: bus }) => busArn(account, bus)));
    return [...buses].map((resource) => {
      const itsEntries = entries.filter(({ EventBusName: bus }) => busArn(account, bus) === resource);
      return {
        action: 'events:PutEvents',
        resource,
        context: {
          'events:source': distinct(itsEntries.map(({ Source: source }) => text(source))),
          'events:detail-type': distinct(itsEntries.map(({ DetailType: type }) => text(type))),
        },
      };
    });
  },
  ...each('events', ['DeleteRule', 'DescribeRule', 'DisableRule', 'EnableRule'], (action) => {
    return (input, account) => [{ action, resource: ruleArn(account, input.EventBusName, input.Name) }];
  }),
  // Both, whether the rule is new or its tags are passed over:
  // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
  'events:PutRule': (input, account) => {
    const resource = ruleArn(account, input.EventBusName, input.Name);
    return [{ action: 'events:PutRule', resource }, ...whereTagged(input.Tags, 'events:TagResource', resource)];
  },
  ...each('events', ['ListTargetsByRule', 'RemoveTargets'], (action) => (input, account) => [
    { action, resource: ruleArn(account, input.EventBusName, input.Rule) },
  ]),
  'events:PutTargets': (input, account) => {
    const targets = objects(input.Targets);
    const context = { 'events:targetarn': distinct(targets.map(({ Arn: arn }) => text(arn))) };
    return [{ action: 'events:PutTargets', resource: ruleArn(account, input.EventBusName, input.Rule), context }];
  },
  // The archive, the bus and the replay, each of them.
  'events:StartReplay': (input, account) => {
    const { Arn: destination } = (input.Destination ?? {}) as Input;
    return [text(input.EventSourceArn), text(destination), replayArn(account, input.ReplayName)].map((resource) => ({
      action: 'events:StartReplay',
      resource,
    }));
  },
  ...each('events', ['CancelReplay', 'DescribeReplay'], (action) => (input, account) => [
    { action, resource: replayArn(account, input.ReplayName) },
  ]),
  ...each('events', ['ListReplays', 'ListRules'], withoutResource),

  ...each(
    'sqs',
    [
      ...['DeleteMessage', 'DeleteQueue', 'GetQueueAttributes', 'PurgeQueue', 'ReceiveMessage', 'SendMessage'],
      'SetQueueAttributes',
    ],
    (action) => (input, account) => [{ action, resource: queueArn(account, input.QueueUrl) }],
  ),
  // A batch needs what a single message needs; IAM knows no action for batches.
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
  ...each('sqs', ['ChangeMessageVisibilityBatch', 'DeleteMessageBatch', 'SendMessageBatch'], (action) => {
    const single = action.slice(0, -'Batch'.length);
    return (input, account) => [{ action: single, resource: queueArn(account, input.QueueUrl) }];
  }),
  'sqs:CreateQueue': (input, account) => {
    const resource = queueArn(account, input.QueueName);
    return [{ action: 'sqs:CreateQueue', resource }, ...whereTagged(input.tags, 'sqs:TagQueue', resource)];
  },
  'sqs:GetQueueUrl': (input, account) => [{ action: 'sqs:GetQueueUrl', resource: queueArn(account, input.QueueName) }],
  ...each('sqs', ['ListQueues'], withoutResource),
  // Who moves messages takes them from one queue and puts them into another.
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
  'sqs:StartMessageMoveTask': ({ SourceArn: source, DestinationArn: destination }) => [
    ...movesFrom('sqs:StartMessageMoveTask', source),
    ...(destination === undefined ? [] : [{ action: 'sqs:SendMessage', resource: text(destination) }]),
  ],
  'sqs:ListMessageMoveTasks': ({ SourceArn: source }) => movesFrom('sqs:ListMessageMoveTasks', source),
  'sqs:CancelMessageMoveTask': ({ TaskHandle: handle }) => movesFrom('sqs:CancelMessageMoveTask', sourceOf(handle)),

  ...each(
    'lambda',
    [
      ...['DeleteFunction', 'GetFunction', 'GetFunctionConfiguration'],
      ...['GetFunctionRecursionConfig', 'PutFunctionRecursionConfig'],
      ...['GetFunctionConcurrency', 'PutFunctionConcurrency', 'DeleteFunctionConcurrency'],
    ],
    (action) => (input, account) => [{ action, resource: functionArn(account, input.FunctionName) }],
  ),
  'lambda:Invoke': (input, account) => [
    { action: 'lambda:InvokeFunction', resource: functionArn(account, input.FunctionName) },
  ],
  // Who makes a function reads its code and hands on its role.
  // https://docs.aws.amazon.com/lambda/latest/dg/permissions-user-function.html
  'lambda:CreateFunction': (input, account) => {
    const resource = functionArn(account, input.FunctionName);
    return [
      { action: 'lambda:CreateFunction', resource },
      ...whereTagged(input.Tags, 'lambda:TagResource', resource),
      ...passRole(input.Role, 'lambda.amazonaws.com', resource),
      ...readCode((input.Code ?? {}) as Input),
    ];
  },
  'lambda:UpdateFunctionCode': (input, account) => [
    { action: 'lambda:UpdateFunctionCode', resource: functionArn(account, input.FunctionName) },
    ...readCode(input),
  ],
  'lambda:UpdateFunctionConfiguration': (input, account) => {
    const resource = functionArn(account, input.FunctionName);
    return [
      { action: 'lambda:UpdateFunctionConfiguration', resource },
      ...passRole(input.Role, 'lambda.amazonaws.com', resource),
    ];
  },
  // IAM knows no resource for it before it is there: only a condition can narrow it.
  'lambda:CreateEventSourceMapping': (input, account) => [
    {
      action: 'lambda:CreateEventSourceMapping',
      resource: '*',
      context: { 'lambda:functionarn': [functionArn(account, input.FunctionName)] },
    },
    ...whereTagged(input.Tags, 'lambda:TagResource', mappingArn(account, '*')),
  ],
  ...each('lambda', ['DeleteEventSourceMapping', 'UpdateEventSourceMapping'], (action) => (input, account) => {
    const uuid = text(input.UUID);
    const mapped = account.mappedFunctionArn(uuid);
    // There is nothing to be protected, and no function to compare: the operation answers ResourceNotFoundException.
    if (mapped === undefined) return [];
    return [{ action, resource: mappingArn(account, uuid), context: { 'lambda:functionarn': [mapped] } }];
  }),
  ...each('lambda', ['GetAccountSettings', 'ListEventSourceMappings', 'ListFunctions'], withoutResource),

  ...each('secretsmanager', ['GetSecretValue', 'PutSecretValue'], (action) => (input, account) => [
    { action, resource: secretArn(account, text(input.SecretId)) },
  ]),

  'logs:FilterLogEvents': (input, account) => [
    { action: 'logs:FilterLogEvents', resource: logGroupArn(account, input.logGroupName) },
  ],

  ...each('cloudformation', ['DescribeStacks', 'ListStackResources'], (action) => (input, account) => [
    { action, resource: stackArn(account, input.StackName) },
  ]),

  ...each('xray', ['PutTraceSegments'], withoutResource),
  ...each('cloudwatch', ['DescribeAlarms', 'GetMetricData'], withoutResource),

  // "No permissions are required": https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
  'sts:GetCallerIdentity': () => [],
};

function each(service: string, names: readonly string[], needsOf: (action: string) => Needs): Record<string, Needs> {
  return Object.fromEntries(names.map((name) => [`${service}:${name}`, needsOf(`${service}:${name}`)]));
}

function withoutResource(action: string): Needs {
  return () => [{ action, resource: '*' }];
}

function movesFrom(action: string, sourceArn: unknown): Need[] {
  return [action, 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'].map((needed) => ({
    action: needed,
    resource: text(sourceArn),
  }));
}

/** The queue that a task's handle names. */
function sourceOf(handle: unknown): unknown {
  try {
    return (JSON.parse(Buffer.from(text(handle), 'base64').toString()) as Input).sourceArn;
  } catch {
    return undefined;
  }
}

/** Tags given at creation need the permission to tag as well. */
function whereTagged(tags: unknown, action: string, resource: string): Need[] {
  return Object.keys((tags ?? {}) as object).length === 0 ? [] : [{ action, resource }];
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html */
function passRole(roleArn: unknown, service: string, forResource: string): Need[] {
  if (typeof roleArn !== 'string') return [];
  const context = { 'iam:passedtoservice': [service], 'iam:associatedresourcearn': [forResource] };
  return [{ action: 'iam:PassRole', resource: roleArn, context }];
}

function readCode({ S3Bucket: bucket, S3Key: key }: Input): Need[] {
  if (bucket === undefined) return [];
  return [{ action: 's3:GetObject', resource: `arn:aws:s3:::${text(bucket)}/${text(key)}` }];
}

/** As the errors of FilterLogEvents name it. */
function logGroupArn({ region, accountId }: Account, name: unknown): string {
  return `arn:aws:logs:${region}:${accountId}:log-group:${text(name)}:log-stream:`;
}

/** By its name alone IAM cannot know the id that follows. */
function stackArn({ region, accountId }: Account, nameOrArn: unknown): string {
  const name = text(nameOrArn);
  return name.startsWith('arn:') ? name : `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/*`;
}

function tableArn({ region, accountId }: Account, nameOrArn: unknown): string {
  const name = text(nameOrArn);
  return name.startsWith('arn:') ? name : `arn:aws:dynamodb:${region}:${accountId}:table/${name}`;
}

function eventsArn({ region, accountId }: Account, rest: string): string {
  return `arn:aws:events:${region}:${accountId}:${rest}`;
}

function busArn(account: Account, nameOrArn: unknown): string {
  const name = text(nameOrArn ?? 'default');
  return name.startsWith('arn:') ? name : eventsArn(account, `event-bus/${name}`);
}

/** A rule of the default bus has no bus in its ARN. */
function ruleArn(account: Account, bus: unknown, name: unknown): string {
  const busName = busArn(account, bus).replace(/^.*:event-bus\//, '');
  return eventsArn(account, `rule/${busName === 'default' ? '' : `${busName}/`}${text(name)}`);
}

function replayArn(account: Account, name: unknown): string {
  return eventsArn(account, `replay/${text(name)}`);
}

/** SQS takes a url, and a bare name in place of one. */
function queueArn({ region, accountId }: Account, urlOrName: unknown): string {
  const parts = text(urlOrName).split('/');
  return `arn:aws:sqs:${region}:${parts.at(-2) ?? accountId}:${parts.at(-1) ?? ''}`;
}

function functionArn({ region, accountId }: Account, nameOrArn: unknown): string {
  const name = text(nameOrArn);
  return name.startsWith('arn:') ? name : `arn:aws:lambda:${region}:${accountId}:function:${name}`;
}

function mappingArn({ region, accountId }: Account, uuid: string): string {
  return `arn:aws:lambda:${region}:${accountId}:event-source-mapping:${uuid}`;
}

/** An unknown secret has no random characters at its end; a pattern for them does not match it, a `*` does. */
function secretArn(account: Account, secretId: string): string {
  const known = account.secretArn(secretId);
  if (known !== undefined) return known;
  if (secretId.startsWith('arn:')) return secretId;
  return `arn:aws:secretsmanager:${account.region}:${account.accountId}:secret:${secretId}`;
}

// A member that is missing or of the wrong kind becomes an empty text: a resource that no grant names.
function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objects(value: unknown): readonly Input[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
