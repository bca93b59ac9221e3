import {
  ConcurrentModificationException,
  DescribeRuleCommand,
  EventBridgeClient,
  InvalidEventPatternException,
  LimitExceededException,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException as RuleNotFound,
} from '@aws-sdk/client-eventbridge';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetFunctionRecursionConfigCommand,
  InvalidParameterValueException,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  PutFunctionRecursionConfigCommand,
  ResourceConflictException,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateEventSourceMappingCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  QueueDeletedRecently,
  QueueDoesNotExist,
  QueueNameExists,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { routeSettings } from '../../lab/support/subscriptions.ts';
import { awsRouteControlPlane } from '../../lambdas/aws/aws-route-control-plane.ts';
import { desiredRoute, routeNames } from '../../lambdas/domain/routes/desired-route.ts';
import { planRoute, type RouteAction } from '../../lambdas/domain/routes/route-plan.ts';

const eventBridge = mockClient(EventBridgeClient);
const sqs = mockClient(SQSClient);
const lambda = mockClient(LambdaClient);
const names = routeNames('fanout-test', 'sub_1');
const desired = desiredRoute(
  { subscriptionId: 'sub_1', url: 'https://hooks.example.com/', eventTypes: ['new_message'], status: 'active' },
  { enabled: true, maximumConcurrency: 10 },
  routeSettings(),
);
const FunctionArn = 'arn:aws:lambda:eu-central-1:123456789012:function:fanout-test-sub_1';
const says = { message: 'as AWS says', $metadata: {} };

let slept: number;
const routesWith = (settings: ReturnType<typeof routeSettings>) =>
  awsRouteControlPlane({
    eventBridge: new EventBridgeClient(),
    sqs: new SQSClient(),
    lambda: new LambdaClient(),
    settings,
    sleep: async (ms) => {
      slept += ms;
    },
  });
const routes = routesWith(routeSettings());

beforeEach(() => {
  for (const mock of [eventBridge, sqs, lambda]) mock.reset();
  slept = 0;
});

const actionOf = <Kind extends RouteAction['kind']>(kind: Kind): RouteAction => {
  const found = planRoute(desired, { mappings: [] }).find((action) => action.kind === kind);
  if (found === undefined) throw new Error(`the plan has no ${kind}`);
  return found;
};
const done = { kind: 'done' };

describe('queues', () => {
  const create: RouteAction = { kind: 'create-queue', name: names.queue, attributes: desired.queue };

  it('of a name that was deleted less than a minute ago are for later', async () => {
    sqs.on(CreateQueueCommand).rejects(new QueueDeletedRecently(says));
    expect(await routes.apply(create)).toMatchObject({ kind: 'later', retryAfterSeconds: 60 });
  });

  it('that name a dead-letter queue which is a moment old are tried again in a second or two', async () => {
    const error = Object.assign(new Error('Dead letter target does not exist.'), { name: 'InvalidParameterValue' });
    sqs.on(CreateQueueCommand).rejectsOnce(error).resolves({});
    expect(await routes.apply(create)).toEqual(done);
    expect(slept).toBe(1_000);
  });

  it('that another run has made otherwise get the attributes that are wanted', async () => {
    sqs.on(CreateQueueCommand).rejects(new QueueNameExists(says));
    expect(await routes.apply(create)).toEqual(done);
    expect(sqs.commandCalls(SetQueueAttributesCommand)[0]?.args[0].input).toEqual({
      QueueUrl: 'https://sqs.eu-central-1.amazonaws.com/123456789012/fanout-test-sub_1',
      Attributes: desired.queue,
    });
  });

  it('that are gone already are deleted', async () => {
    sqs.on(DeleteQueueCommand).rejects(new QueueDoesNotExist(says));
    expect(await routes.apply({ kind: 'delete-queue', name: names.queue })).toEqual(done);
  });

  it('take events from their own rule only and over TLS only, keep them 14 days, and hide them six times as long as a function runs', () => {
    expect(desired.queue).toMatchObject({ MessageRetentionPeriod: '1209600', VisibilityTimeout: '540' });
    expect(desired.deliverFunction.timeoutSeconds * 6).toBe(540);
    expect(JSON.parse(desired.queue.Policy ?? '').Statement).toMatchObject([
      {
        Principal: { Service: 'events.amazonaws.com' },
        Resource: 'arn:aws:sqs:eu-central-1:123456789012:fanout-test-sub_1',
        Condition: {
          ArnEquals: {
            'aws:SourceArn': 'arn:aws:events:eu-central-1:123456789012:rule/fanout-bus/fanout-test-sub_1',
          },
        },
      },
      { Effect: 'Deny', Action: 'sqs:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    ]);
  });
});

describe('rules', () => {
  it('beyond the quota of the bus are blocked, with what a person can do', async () => {
    eventBridge.on(PutRuleCommand).rejects(new LimitExceededException(says));
    expect(await routes.apply(actionOf('put-rule'))).toMatchObject({
      kind: 'blocked',
      reason: expect.stringContaining('Service Quotas'),
    });
  });

  it('whose pattern EventBridge does not take are blocked, and its reason is passed on', async () => {
    eventBridge.on(PutRuleCommand).rejects(new InvalidEventPatternException(says));
    expect(await routes.apply(actionOf('put-rule'))).toMatchObject({
      kind: 'blocked',
      reason: expect.stringContaining('as AWS says'),
    });
  });

  it('that another run is changing are for later', async () => {
    eventBridge.on(PutRuleCommand).rejects(new ConcurrentModificationException(says));
    expect((await routes.apply(actionOf('put-rule'))).kind).toBe('later');
  });

  it('whose target failed are not taken for done', async () => {
    const FailedEntries = [{ TargetId: 'queue', ErrorCode: 'InternalException' }];
    eventBridge.on(PutTargetsCommand).resolves({ FailedEntryCount: 1, FailedEntries });
    await expect(routes.apply(actionOf('put-target'))).rejects.toThrow('InternalException');
  });

  it('that are gone already have no targets left to remove', async () => {
    eventBridge.on(RemoveTargetsCommand).rejects(new RuleNotFound(says));
    expect(await routes.apply({ kind: 'remove-targets', rule: names.rule, targetIds: ['queue'] })).toEqual(done);
  });
});

describe('functions', () => {
  it('are waited for until they can be invoked', async () => {
    lambda
      .on(GetFunctionCommand)
      .resolvesOnce({ Configuration: { State: 'Pending' } })
      .resolves({ Configuration: { State: 'Active' } });
    expect(await routes.apply(actionOf('create-function'))).toEqual(done);
    expect(slept).toBeGreaterThan(0);
  });

  it.each([
    ['an update', { State: 'Active', LastUpdateStatus: 'Failed', LastUpdateStatusReason: 'InternalError' }],
    ['a creation', { State: 'Failed', StateReason: 'InternalError' }],
  ] as const)('whose %s Lambda has given up are for later, with its reason', async (_, Configuration) => {
    lambda.on(GetFunctionCommand).resolves({ Configuration });
    const kind = Configuration.State === 'Failed' ? 'create-function' : 'update-function-code';
    const action: RouteAction = { kind, name: names.deliverFunction, settings: desired.deliverFunction };
    expect(await routes.apply(action)).toMatchObject({
      kind: 'later',
      reason: expect.stringContaining('InternalError'),
    });
  });

  it('whose update was given up get it again, whatever their description says', async () => {
    lambda.on(GetFunctionCommand).resolves({
      Configuration: {
        LastUpdateStatus: 'Failed',
        CodeSha256: 'ours',
        Description: `${desired.deliverFunction.description}; sha256 ours`,
      },
    });
    lambda.on(GetFunctionRecursionConfigCommand).resolves({ RecursiveLoop: 'Allow' });
    lambda.on(ListEventSourceMappingsCommand).resolves({});
    sqs.on(GetQueueAttributesCommand).rejects(new QueueDoesNotExist(says));
    eventBridge.on(DescribeRuleCommand).rejects(new RuleNotFound(says));
    const kinds = planRoute(desired, await routes.describe(names)).map(({ kind }) => kind);
    expect(kinds).toContain('update-function-code');
  });

  it('are part of a loop on purpose: a probe comes back to its function', async () => {
    await routes.apply(actionOf('allow-loops'));
    expect(lambda.commandCalls(PutFunctionRecursionConfigCommand)[0]?.args[0].input).toEqual({
      FunctionName: names.deliverFunction,
      RecursiveLoop: 'Allow',
    });
  });

  it('whose new code a deploy has not allowed to be read yet are for later', async () => {
    const error = Object.assign(new Error('Your access has been denied by S3'), { name: 'AccessDeniedException' });
    lambda.on(CreateFunctionCommand).rejects(error);
    expect((await routes.apply(actionOf('create-function'))).kind).toBe('later');
  });

  it('that take too long are for later', async () => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Pending' } });
    expect((await routes.apply(actionOf('create-function'))).kind).toBe('later');
  });

  it('that another run has made are done', async () => {
    lambda.on(CreateFunctionCommand).rejects(new ResourceConflictException(says));
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Active' } });
    expect(await routes.apply(actionOf('create-function'))).toEqual(done);
  });

  it('log what Lambda says of faults only', async () => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Active' } });
    await routes.apply(actionOf('create-function'));
    expect(lambda.commandCalls(CreateFunctionCommand)[0]?.args[0].input.LoggingConfig).toEqual({
      LogGroup: desired.deliverFunction.logGroup,
      LogFormat: 'JSON',
      SystemLogLevel: 'WARN',
    });
  });

  it('whose role is not known to Lambda yet are for later', async () => {
    const error = { ...says, message: 'The role defined for the function cannot be assumed by Lambda.' };
    lambda.on(CreateFunctionCommand).rejects(new InvalidParameterValueException(error));
    expect((await routes.apply(actionOf('create-function'))).kind).toBe('later');
  });

  it('that are changing are changed after that', async () => {
    lambda
      .on(GetFunctionCommand)
      .resolvesOnce({ Configuration: { State: 'Active', LastUpdateStatus: 'InProgress' } })
      .resolves({ Configuration: { State: 'Active', LastUpdateStatus: 'Successful' } });
    const update: RouteAction = {
      kind: 'update-function-code',
      name: names.deliverFunction,
      settings: desired.deliverFunction,
    };
    expect(await routes.apply(update)).toEqual(done);
    expect(lambda.commandCalls(UpdateFunctionCodeCommand)[0]?.args[0].input).toMatchObject({
      S3Bucket: 'assets',
      S3Key: 'one.zip',
    });
    expect(slept).toBeGreaterThan(0);
  });

  it('that another run has made are not said to have our code', async () => {
    lambda.on(CreateFunctionCommand).rejects(new ResourceConflictException(says));
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Active', CodeSha256: 'theirs' } });
    await routes.apply(actionOf('create-function'));
    expect(lambda.commandCalls(UpdateFunctionConfigurationCommand)).toHaveLength(0);
  });

  it('have a description that Lambda takes, with the hash of their code, however long the names are', async () => {
    const CodeSha256 = 'uxy1Ev8aPVRcdQkFPrhWJHlq3mUMvPNZ4ETzOHUZHVg=';
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Active', CodeSha256 } });
    const { deliverFunction: settings } = desiredRoute(
      { subscriptionId: 'sub_1', url: 'https://hooks.example.com/', eventTypes: ['new_message'], status: 'active' },
      { enabled: true, maximumConcurrency: 10 },
      routeSettings({ deliverCode: { bucket: 'assets', key: `${'folder/'.repeat(40)}one.zip` } }),
    );
    await routes.apply({ kind: 'update-function-settings', name: names.deliverFunction, settings });
    const { Description = '' } = lambda.commandCalls(UpdateFunctionConfigurationCommand)[0]?.args[0].input ?? {};
    expect(Description.length).toBeLessThanOrEqual(256);
    expect(Description).toMatch(new RegExp(`; sha256 ${CodeSha256}$`));
  });

  it('whose description alone is changed keep all else', async () => {
    lambda.on(GetFunctionCommand).resolves({
      Configuration: { State: 'Active', LastUpdateStatus: 'Successful', CodeSha256: 'ours' },
    });
    const update: RouteAction = { kind: 'update-function-description', name: names.deliverFunction, description: 'x' };
    expect(await routes.apply(update)).toEqual(done);
    expect(lambda.commandCalls(UpdateFunctionConfigurationCommand)[0]?.args[0].input).toEqual({
      FunctionName: names.deliverFunction,
      Description: 'x; sha256 ours',
    });
  });

  it('that are gone already are deleted', async () => {
    lambda.on(DeleteFunctionCommand).rejects(new ResourceNotFoundException(says));
    expect(await routes.apply({ kind: 'delete-function', name: names.deliverFunction })).toEqual(done);
  });
});

describe('event source mappings', () => {
  const update: RouteAction = { kind: 'update-mapping', mappingId: 'm', settings: desired.mapping };

  it('that another run has made are done, and those that are still being deleted are for later', async () => {
    lambda.on(CreateEventSourceMappingCommand).rejects(new ResourceConflictException(says));
    lambda
      .on(ListEventSourceMappingsCommand)
      .resolves({ EventSourceMappings: [{ UUID: 'm', State: 'Enabled', FunctionArn }] });
    expect(await routes.apply(actionOf('create-mapping'))).toEqual(done);
    lambda
      .on(ListEventSourceMappingsCommand)
      .resolves({ EventSourceMappings: [{ UUID: 'm', State: 'Deleting', FunctionArn }] });
    expect((await routes.apply(actionOf('create-mapping'))).kind).toBe('later');
  });

  it('that are changing are tried again, and then for later', async () => {
    lambda.on(UpdateEventSourceMappingCommand).rejectsOnce(new ResourceInUseException(says)).resolves({});
    expect(await routes.apply(update)).toEqual(done);
    lambda.on(UpdateEventSourceMappingCommand).rejects(new ResourceInUseException(says));
    expect((await routes.apply(update)).kind).toBe('later');
  });

  it('report single failures, in batches of ten, with the concurrency that was set', async () => {
    await routes.apply(actionOf('create-mapping'));
    expect(lambda.commandCalls(CreateEventSourceMappingCommand)[0]?.args[0].input).toEqual({
      EventSourceArn: 'arn:aws:sqs:eu-central-1:123456789012:fanout-test-sub_1',
      FunctionName: 'fanout-test-sub_1',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      Enabled: true,
      BatchSize: 10,
      MaximumBatchingWindowInSeconds: 0,
      ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  it('have no bound where the most is asked for, which is Lambda’s own: it polls an idle queue less then', async () => {
    const unbounded = { ...desired.mapping, maximumConcurrency: 1000 };
    await routes.apply({ ...actionOf('create-mapping'), settings: unbounded } as RouteAction);
    expect(lambda.commandCalls(CreateEventSourceMappingCommand)[0]?.args[0].input.ScalingConfig).toEqual({});
  });

  it('of somebody else’s function that reads the queue as well are left alone, and ours is kept', async () => {
    lambda.on(ListEventSourceMappingsCommand).resolves({
      EventSourceMappings: [
        { UUID: 'theirs', State: 'Enabled', FunctionArn: functionArnOf('redriver') },
        { UUID: 'ours', State: 'Enabled', FunctionArn: `${FunctionArn}:live` },
      ],
    });
    lambda.on(GetFunctionCommand).rejects(new ResourceNotFoundException(says));
    sqs.on(GetQueueAttributesCommand).rejects(new QueueDoesNotExist(says));
    eventBridge.on(DescribeRuleCommand).rejects(new RuleNotFound(says));
    const { mappings } = await routes.describe(names);
    expect(mappings.map(({ mappingId }) => mappingId)).toEqual(['ours']);
  });

  it('that lost what they report, or got a filter, get both back', async () => {
    const [first] = planRoute(desired, {
      mappings: [
        { ...desired.mapping, mappingId: 'm', reportsItemFailures: false, filterPatterns: ['{"body":["x"]}'] },
      ],
      queue: { ...desired.queue },
    }).filter(({ kind }) => kind === 'update-mapping');
    expect(first).toBeDefined();
    await routes.apply(first as RouteAction);
    expect(lambda.commandCalls(UpdateEventSourceMappingCommand)[0]?.args[0].input).toMatchObject({
      UUID: 'm',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      FilterCriteria: { Filters: [] },
    });
  });

  it('that are gone already are deleted', async () => {
    lambda.on(DeleteEventSourceMappingCommand).rejects(new ResourceNotFoundException(says));
    expect(await routes.apply({ kind: 'delete-mapping', mappingId: 'm' })).toEqual(done);
  });
});

describe('what is made of a route', () => {
  it('has the tags of the stack, each kind in its own form', async () => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Active' } });
    const tagged = routesWith(routeSettings({ tags: { team: 'crm' } }));
    const make: RouteAction[] = [
      { kind: 'create-queue', name: names.queue, attributes: desired.queue },
      actionOf('create-function'),
      actionOf('put-rule'),
    ];
    for (const action of make) expect(await tagged.apply(action)).toEqual(done);
    expect(sqs.commandCalls(CreateQueueCommand)[0]?.args[0].input.tags).toEqual({ team: 'crm' });
    expect(lambda.commandCalls(CreateFunctionCommand)[0]?.args[0].input.Tags).toEqual({ team: 'crm' });
    expect(eventBridge.commandCalls(PutRuleCommand)[0]?.args[0].input.Tags).toEqual([{ Key: 'team', Value: 'crm' }]);
  });

  it('has none where the stack has none: tagging needs a permission of its own', async () => {
    lambda.on(GetFunctionCommand).resolves({ Configuration: { State: 'Active' } });
    await routes.apply({ kind: 'create-queue', name: names.queue, attributes: desired.queue });
    await routes.apply(actionOf('create-function'));
    await routes.apply(actionOf('put-rule'));
    expect(sqs.commandCalls(CreateQueueCommand)[0]?.args[0].input).not.toHaveProperty('tags');
    expect(lambda.commandCalls(CreateFunctionCommand)[0]?.args[0].input).not.toHaveProperty('Tags');
    expect(eventBridge.commandCalls(PutRuleCommand)[0]?.args[0].input).not.toHaveProperty('Tags');
  });
});

describe('what is there of a route', () => {
  it('is nothing where nothing was made', async () => {
    eventBridge.on(DescribeRuleCommand).rejects(new RuleNotFound(says));
    sqs.on(GetQueueAttributesCommand).rejects(new QueueDoesNotExist(says));
    lambda.on(GetFunctionCommand).rejects(new ResourceNotFoundException(says));
    lambda.on(ListEventSourceMappingsCommand).resolves({ EventSourceMappings: [] });
    expect(await routes.describe(names)).toEqual({ mappings: [] });
  });

  it('is recognised as what was wanted, in the words in which AWS gives it back', async () => {
    const { deliverFunction: wanted } = desired;
    eventBridge.on(DescribeRuleCommand).resolves({ EventPattern: desired.rule.pattern, State: 'ENABLED' });
    eventBridge.on(ListTargetsByRuleCommand).resolves({
      Targets: [
        {
          Id: 'queue',
          Arn: desired.rule.target.queueArn,
          DeadLetterConfig: { Arn: desired.rule.target.deadLetterArn },
        },
      ],
    });
    sqs.on(GetQueueAttributesCommand).callsFake(({ QueueUrl }: { QueueUrl: string }) => ({
      Attributes: {
        ...(QueueUrl.endsWith('-dlq') ? desired.deadLetterQueue : desired.queue),
        // SQS turns the number into a text, and adds what nobody asked for.
        ...(QueueUrl.endsWith('-dlq')
          ? {}
          : { RedrivePolicy: desired.queue.RedrivePolicy?.replace('1000', '"1000"') ?? '' }),
        DelaySeconds: '0',
      },
    }));
    lambda.on(GetFunctionCommand).resolves({
      Configuration: {
        State: 'Active',
        Role: wanted.roleArn,
        Runtime: 'nodejs24.x',
        Handler: wanted.handler,
        MemorySize: wanted.memoryMegabytes,
        Timeout: wanted.timeoutSeconds,
        CodeSha256: 'ours',
        Description: `${wanted.description}; sha256 ours`,
        Environment: { Variables: { ...wanted.environment } },
        LoggingConfig: {
          LogGroup: wanted.logGroup,
          LogFormat: 'JSON',
          SystemLogLevel: wanted.systemLogLevel,
          ApplicationLogLevel: 'INFO',
        },
        TracingConfig: { Mode: wanted.tracingMode },
      },
    });
    lambda.on(ListEventSourceMappingsCommand).resolves({
      EventSourceMappings: [
        {
          UUID: 'm',
          State: 'Enabling',
          FunctionArn,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          LastModified: new Date(0),
          LastProcessingResult: 'No records processed',
          BatchSize: 10,
          MaximumBatchingWindowInSeconds: 0,
          ScalingConfig: { MaximumConcurrency: 10 },
        },
      ],
    });
    lambda.on(GetFunctionRecursionConfigCommand).resolves({ RecursiveLoop: 'Allow' });
    expect(planRoute(desired, await routes.describe(names))).toEqual([]);
  });
});

const queueArnOf = (id: string) => `arn:aws:sqs:eu-central-1:123456789012:fanout-test-sub_${id}`;
const functionArnOf = (name: string) => `arn:aws:lambda:eu-central-1:123456789012:function:${name}`;

describe('what is there of all routes', () => {
  it('is found by whichever part is left, and by nothing of others', async () => {
    eventBridge.on(ListRulesCommand).resolves({ Rules: [{ Name: 'fanout-test-sub_a' }] });
    sqs.on(ListQueuesCommand).resolves({
      QueueUrls: ['https://sqs.eu-central-1.amazonaws.com/123456789012/fanout-test-sub_b-dlq'],
    });
    lambda
      .on(ListFunctionsCommand)
      .resolvesOnce({ Functions: [{ FunctionName: 'fanout-test-sub_c' }], NextMarker: 'more' })
      .resolves({ Functions: [{ FunctionName: 'somebody-elses' }] });
    lambda.on(ListEventSourceMappingsCommand).resolves({
      EventSourceMappings: [
        {
          UUID: '1',
          State: 'Disabled',
          EventSourceArn: queueArnOf('d'),
          FunctionArn: functionArnOf('fanout-test-sub_d'),
        },
        {
          UUID: '2',
          State: 'Enabled',
          EventSourceArn: 'arn:aws:dynamodb:eu-central-1:123456789012:table/x/stream/y',
          FunctionArn: functionArnOf('fanout-test-sub_x'),
        },
        {
          UUID: '3',
          State: 'Deleting',
          EventSourceArn: queueArnOf('e'),
          FunctionArn: functionArnOf('fanout-test-sub_e'),
        },
        { UUID: '4', State: 'Enabled', EventSourceArn: queueArnOf('f-dlq'), FunctionArn: functionArnOf('redriver') },
        {
          UUID: '5',
          State: 'Enabled',
          EventSourceArn: queueArnOf('g'),
          FunctionArn: functionArnOf(`fanout-test-${'x'.repeat(41)}`),
        },
      ],
    });
    const ids: string[] = [];
    for await (const page of routes.subscriptionIds()) ids.push(...page);
    expect(ids).toEqual(['sub_a', 'sub_b', 'sub_c', 'sub_d']);
  });

  it('counts what lies in their queues', async () => {
    sqs
      .on(GetQueueAttributesCommand)
      .resolvesOnce({ Attributes: { ApproximateNumberOfMessages: '2', ApproximateNumberOfMessagesNotVisible: '4' } })
      .rejectsOnce(new QueueDoesNotExist(says))
      .rejectsOnce(new QueueDoesNotExist(says))
      .resolves({ Attributes: { ApproximateNumberOfMessages: '3' } });
    expect(await routes.depths(['a', 'b'])).toEqual([
      { waiting: 2, inFlight: 4, deadLetters: 0 },
      { waiting: 0, inFlight: 0, deadLetters: 3 },
    ]);
  });
});
