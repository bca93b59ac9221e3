import { Duration, type Stack } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { FanoutFunction } from '../../infra/constructs/fanout-function.ts';
import type { WebhookFanoutProps } from '../../infra/webhook-fanout-stack.ts';
import { ofType, placeholderBundles, type Resource, synthesise, type Template } from '../../lab/support/synthesised.ts';
import { apiRoutes } from '../../lambdas/contracts/api-routes.ts';
import type { IngestEnv } from '../../lambdas/ingest/env.ts';
import { parseLogFilter } from '../../local/aws/metrics/log-filter.ts';
import { refuseUnknownTypes } from '../../local/aws/resources/make-resource.ts';

const template = synthesise();

/** The one resource whose logical id begins so. */
function the(type: string, idBegins: string, within: Template = template): Resource {
  const found = ofType(within, type).filter(([id]) => id.startsWith(idBegins));
  expect(found.map(([id]) => id)).toHaveLength(1);
  return found[0]?.[1] as Resource;
}

test('is made of these resources and no others', () => {
  const inventory: Record<string, string[]> = {};
  for (const [id, { Type }] of Object.entries(template.Resources)) {
    inventory[Type] ??= [];
    // Without the hash that CDK appends.
    inventory[Type].push(id.replace(/[0-9A-F]{8}$/, ''));
  }
  const sorted = Object.entries(inventory).sort(([one], [other]) => one.localeCompare(other));
  expect(Object.fromEntries(sorted.map(([type, ids]) => [type, ids.sort()]))).toMatchSnapshot();
});

test('is the same template for the same sources, wherever they lie', () => {
  const props = { bundleDirectory: placeholderBundles() };
  expect(JSON.stringify(synthesise(props))).toBe(JSON.stringify(synthesise({ bundleDirectory: placeholderBundles() })));
});

test('lets stages live side by side in one account', () => {
  const dev = JSON.stringify(synthesise({ stage: 'dev' }));
  expect(dev).toContain('webhook-fanout-dev');
  expect(dev).toContain('fanout-dev-*');
  expect(dev).not.toContain('fanout-prod');
});

test('a variable that is forgotten does not compile', () => {
  const forgotten = (stack: Stack): unknown =>
    new FanoutFunction<IngestEnv>(stack, 'Ingest', {
      lambda: 'ingest',
      bundleDirectory: '',
      description: '',
      memoryMegabytes: 128,
      timeout: Duration.seconds(1),
      // @ts-expect-error: DRIFT_TOKEN_SECRET_ARN and LEGACY_TIMELINE are missing
      environment: { EVENT_BUS_NAME: 'bus' },
    });
  expect(forgotten).toBeTypeOf('function');
});

describe('the alarm for failing delivery functions', () => {
  const { FilterPattern } = the('AWS::Logs::MetricFilter', 'RoutesDeliveryFaults').Properties;
  const counts = parseLogFilter(String(FilterPattern));

  test.each([
    '{"time":"2026-11-22T12:00:00Z","type":"platform.report","record":{"status":"timeout"}}',
    '{"time":"2026-11-22T12:00:00Z","type":"platform.report","record":{"status":"error"}}',
    '{"level":"ERROR","message":"batch failed, it will come again"}',
    '{"timestamp":"2026-11-22T12:00:00Z","level":"ERROR","message":{"errorType":"Error","errorMessage":"x"}}',
  ])('counts %s', (line) => {
    expect(counts(line)).toBe(true);
  });

  test.each([
    '{"level":"INFO","message":"attempt","state":"retrying","errorClass":"timeout"}',
    '{"level":"INFO","message":"attempt","host":"platform.report","subscriptionId":"x-ERROR","eventType":"ERROR"}',
    '{"level":"INFO","message":"attempt","reason":"Task timed out, Runtime exited"}',
    '{"type":"platform.report","record":{"status":"success"}}',
  ])('does not count %s: what others choose rings nothing', (line) => {
    expect(counts(line)).toBe(false);
  });
});

describe('functions', () => {
  const functions = ofType(template, 'AWS::Lambda::Function');

  test.each(functions)('%s runs on Node 24 on arm64, with a log group of its own', (_, { Properties }) => {
    expect(Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      LoggingConfig: { LogGroup: { Ref: expect.any(String) } },
      MemorySize: expect.any(Number),
      Timeout: expect.any(Number),
    });
  });

  test('are not traced, unless a deploy chooses traces: then the one in which each trace begins is', () => {
    const traced = (within: Template) =>
      ofType(within, 'AWS::Lambda::Function').filter(([, { Properties }]) => Properties.TracingConfig !== undefined);
    expect(traced(template)).toEqual([]);
    const chosen = synthesise({ traces: 'on' });
    expect(traced(chosen)).toMatchObject([
      [expect.stringMatching(/^Ingest/), { Properties: { TracingConfig: { Mode: 'Active' } } }],
    ]);
    const variables = (within: Template) =>
      the('AWS::Lambda::Function', 'RoutesProvisionFunction', within).Properties.Environment;
    expect(variables(template)).toMatchObject({ Variables: { TRACES: 'off' } });
    expect(variables(chosen)).toMatchObject({ Variables: { TRACES: 'on' } });
  });

  test('that run for each event leave out what Lambda logs of invocations that went well', () => {
    const levels = functions.map(([id, { Properties }]) => [
      id.replace(/Function[0-9A-F]{8}$/, ''),
      (Properties.LoggingConfig as { SystemLogLevel?: string }).SystemLogLevel,
    ]);
    expect(levels.filter(([, level]) => level !== undefined)).toEqual([['Ingest', 'WARN']]);
  });

  test('share no log group and no role', () => {
    const groups = functions.map(([, { Properties }]) => JSON.stringify(Properties.LoggingConfig));
    const roles = functions.map(([, { Properties }]) => JSON.stringify(Properties.Role));
    expect(new Set(groups).size).toBe(functions.length);
    expect(new Set(roles).size).toBe(functions.length);
  });

  test('emit their metrics under the name of the stage', () => {
    for (const [, { Properties }] of functions) {
      expect(Properties.Environment).toMatchObject({ Variables: { POWERTOOLS_SERVICE_NAME: 'fanout-prod' } });
    }
  });
});

describe('tables', () => {
  const tables = ofType(template, 'AWS::DynamoDB::Table');

  test.each(tables)(
    '%s survives the stack, can be restored, is encrypted by the key of DynamoDB itself and paid by use',
    (_, table) => {
      expect(table).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      expect(table.Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: false },
        DeletionProtectionEnabled: true,
      });
    },
  );

  test.each<[string, object]>([
    ['aws-managed', { SSEEnabled: true }],
    [
      'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      {
        SSEEnabled: true,
        SSEType: 'KMS',
        KMSMasterKeyId: 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      },
    ],
  ])('are all encrypted by the key that a deploy chooses: %s', (tableKey, expected) => {
    const chosen = ofType(synthesise({ tableKey }), 'AWS::DynamoDB::Table');
    expect(chosen).toHaveLength(5);
    for (const [, { Properties }] of chosen) expect(Properties.SSESpecification).toEqual(expected);
  });

  test('hold an undelivered event once: the index has its keys and why', () => {
    const { GlobalSecondaryIndexes } = the('AWS::DynamoDB::Table', 'TablesDeliveries').Properties;
    const [undelivered] = GlobalSecondaryIndexes as { Projection: object }[];
    expect(undelivered).toMatchObject({
      IndexName: 'undelivered',
      Projection: {
        ProjectionType: 'INCLUDE',
        NonKeyAttributes: ['state', 'reason', 'eventType', 'lastStatus', 'lastError', 'replayName'],
      },
    });
  });

  test('go with the stack in a try-out', () => {
    for (const [, table] of ofType(synthesise({ removalPolicy: 'destroy' }), 'AWS::DynamoDB::Table')) {
      expect(table.DeletionPolicy).toBe('Delete');
      expect(table.Properties.DeletionProtectionEnabled).toBe(false);
    }
  });

  test('forget old conversations and deliveries, never a subscription', () => {
    const expiring = tables.filter(([, { Properties }]) => Properties.TimeToLiveSpecification !== undefined);
    expect(expiring.map(([id]) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual([
      'TablesConversations',
      'TablesDeliveries',
      'TablesEvents',
    ]);
  });

  test('hand each change of a subscription to provision, with what was there before', () => {
    expect(the('AWS::DynamoDB::Table', 'TablesSubscriptions').Properties.StreamSpecification).toEqual({
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    });
  });

  test('keep armed timers in an index of keys', () => {
    expect(the('AWS::DynamoDB::Table', 'TablesConversations').Properties.GlobalSecondaryIndexes).toEqual([
      {
        IndexName: 'timers',
        KeySchema: [
          { AttributeName: 'timerShard', KeyType: 'HASH' },
          { AttributeName: 'dueAt', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ]);
  });
});

describe('what wakes whom', () => {
  test('only what comes from outside moves a timer: a mirrored close is no close', () => {
    expect(the('AWS::Events::Rule', 'ActivityRule').Properties.EventPattern).toEqual({
      source: ['drift', 'drift.retired'],
      'detail-type': [
        'new_conversation',
        'new_message',
        'new_command_message',
        'button_clicked',
        'conversation_status_updated',
        'conversation_inactive',
      ],
      detail: { cause: [{ exists: false }] },
    });
  });

  test('the sweep runs every minute, and one that failed is not repeated', () => {
    expect(the('AWS::Events::Rule', 'InactivityEveryMinute').Properties).toMatchObject({
      ScheduleExpression: 'rate(1 minute)',
      Targets: [{ RetryPolicy: { MaximumRetryAttempts: 0 } }],
    });
  });

  test('provision looks at every route once an hour', () => {
    expect(the('AWS::Events::Rule', 'RoutesEveryHour').Properties).toMatchObject({
      ScheduleExpression: 'rate(1 hour)',
      Targets: [{ Input: '{"action":"reconcile-all"}' }],
    });
  });

  test('what the system writes about a subscription does not wake it, and no change that people make is dropped', () => {
    const mapping = the('AWS::Lambda::EventSourceMapping', 'RoutesProvisionFunctionSubscriptionChanges').Properties;
    expect(mapping).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"Keys":{"record":{"S":["config"]}}}}' }] },
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching('RoutesLostChanges'), 'Arn'] } },
      },
    });
  });

  test('two runs at the most work on the control queue: a deploy leaves the account some of the control planes', () => {
    const mapping = the('AWS::Lambda::EventSourceMapping', 'RoutesProvisionFunctionControl').Properties;
    expect(mapping).toMatchObject({ BatchSize: 10, ScalingConfig: { MaximumConcurrency: 2 } });
  });

  test.each(ofType(template, 'AWS::Lambda::EventSourceMapping'))(
    '%s: one bad record does not fail its batch',
    (_, mapping) => {
      expect(mapping.Properties.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
    },
  );

  test('new code, and any setting of what is made at run time, updates the routes', () => {
    const routesOf = (code: string, props: { disableAfterHours?: number } = {}) =>
      the('Custom::Routes', 'Routes', synthesise({ bundleDirectory: placeholderBundles(code), ...props })).Properties;
    const one = routesOf('export const handler = 1;');
    const other = routesOf('export const handler = 2;');
    expect(one.Environment).not.toEqual(other.Environment);
    expect(one.ProvisionCode).toMatch(/^[0-9a-f]{64}\.zip$/);
    expect(one.ProvisionCode).not.toBe(other.ProvisionCode);
    expect(routesOf('export const handler = 1;')).toEqual(one);
    expect(routesOf('export const handler = 1;', { disableAfterHours: 7 })).not.toEqual(one);
  });

  test('access logs are written where they need no share of the policy that all APIs of an account have together', () => {
    expect(the('AWS::Logs::LogGroup', 'ApiAccessLogs').Properties).toMatchObject({
      LogGroupName: '/aws/vendedlogs/webhook-fanout-prod/api-access',
    });
  });

  test('a sweep that failed is left to the next one, also by Lambda', () => {
    expect(the('AWS::Lambda::EventInvokeConfig', 'InactivitySweep').Properties).toMatchObject({
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  test("Drift's posts have concurrency of their own where a deploy sets it aside, and the stack's tags reach what is made at run time", () => {
    const chosen = synthesise({ ingestReservedConcurrency: 20, tags: { team: 'crm' } });
    expect(the('AWS::Lambda::Function', 'IngestFunction', chosen).Properties.ReservedConcurrentExecutions).toBe(20);
    expect(the('AWS::Lambda::Function', 'RoutesProvisionFunction', chosen).Properties.Environment).toMatchObject({
      Variables: { TAGS: '{"team":"crm"}' },
    });
    expect(the('AWS::Lambda::Function', 'IngestFunction').Properties).not.toHaveProperty(
      'ReservedConcurrentExecutions',
    );
  });

  test('routes are cleared up while all that it takes is still there', () => {
    const { DependsOn } = the('Custom::Routes', 'Routes');
    const needed = [
      'RoutesProvisionFunction',
      'RoutesProvisionRoleDefaultPolicy',
      'RoutesProvisionFunctionControlMapping',
      'RoutesControlQueue',
      'RoutesDeliveryRole',
      'RoutesDeliveryRoleDefaultPolicy',
      'RoutesDeliveryLogs',
      'EventsBus',
      'TablesSubscriptions',
      'TablesDeliveries',
    ];
    const named = (DependsOn as string[]).map((id) => id.replace(/[0-9A-F]{8}$/, ''));
    expect(needed.filter((id) => !named.includes(id))).toEqual([]);
  });
});

describe('the API', () => {
  const routes = ofType(template, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => Properties);

  test('is open for what Drift posts and asks for IAM everywhere else', () => {
    const open = routes.filter(({ AuthorizationType }) => AuthorizationType !== 'AWS_IAM');
    expect(open).toMatchObject([{ RouteKey: 'POST /drift/events', AuthorizationType: 'NONE' }]);
  });

  test('has every route of the management API', () => {
    const managed = apiRoutes.map(({ method, path }) => `${method} ${path}`);
    const expected = [...managed, 'ANY /v1/{proxy+}', 'POST /drift/events'];
    expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual(expected.sort());
  });

  test('lets in as many requests as a deploy says, twice as many in a burst, and rings at half of it', () => {
    const within = synthesise({ apiRequestsPerSecond: 20 });
    expect(the('AWS::ApiGatewayV2::Stage', 'ApiStage', within).Properties.DefaultRouteSettings).toMatchObject({
      ThrottlingRateLimit: 20,
      ThrottlingBurstLimit: 40,
    });
    expect(the('AWS::CloudWatch::Alarm', 'Alarmsflood', within).Properties.Threshold).toBe(600);
    expect(the('AWS::ApiGatewayV2::Stage', 'ApiStage').Properties.DefaultRouteSettings).toMatchObject({
      ThrottlingRateLimit: 1000,
      ThrottlingBurstLimit: 2000,
    });
  });

  test('logs no header and no body: the verification token is in both', () => {
    const { AccessLogSettings } = the('AWS::ApiGatewayV2::Stage', 'ApiStage').Properties;
    expect(JSON.stringify(AccessLogSettings)).not.toMatch(/header|body|token/i);
  });
});

describe('a monthly budget', () => {
  test('tells the address of the alarms at half, at all of it, and when it will not do; it has no name that would stand in the way of its successor', () => {
    const within = synthesise({ monthlyBudgetUsd: 40, alarmEmail: 'on-call@example.com' });
    const { Budget, NotificationsWithSubscribers } = the('AWS::Budgets::Budget', 'Budget', within).Properties;
    expect(Budget).toEqual({
      BudgetType: 'COST',
      TimeUnit: 'MONTHLY',
      BudgetLimit: { Amount: 40, Unit: 'USD' },
    });
    const notices = NotificationsWithSubscribers as { Notification: Record<string, unknown>; Subscribers: unknown }[];
    expect(notices.map(({ Notification }) => [Notification.NotificationType, Notification.Threshold])).toEqual([
      ['ACTUAL', 50],
      ['ACTUAL', 100],
      ['FORECASTED', 100],
    ]);
    for (const { Subscribers } of notices) {
      expect(Subscribers).toEqual([{ SubscriptionType: 'EMAIL', Address: 'on-call@example.com' }]);
    }
  });

  test('is not there unless a deploy chooses it', () => {
    expect(ofType(template, 'AWS::Budgets::Budget')).toEqual([]);
  });
});

test('the local run knows every type of resource, whatever a deploy chooses', () => {
  const chosen = synthesise({
    ...{ monthlyBudgetUsd: 40, alarmEmail: 'on-call@example.com', traces: 'on', tableKey: 'aws-managed' },
    ...{ ingestReservedConcurrency: 20, quietDriftHours: 12, tags: { team: 'crm' }, removalPolicy: 'destroy' },
  });
  expect(() => refuseUnknownTypes(chosen as never)).not.toThrow();
});

describe('what a person is told after a deploy', () => {
  const output = (name: string) => JSON.stringify(template.Outputs[name]?.Value);

  test('where Drift is to post, to the letter', () => {
    expect(output('ApiUrl')).toMatch(/ApiEndpoint.*"\/drift\/events"/);
  });

  test('how to set the token of Drift, so that no list of processes shows it', () => {
    const [begin, , end] = Object(template.Outputs.SetDriftToken?.Value)['Fn::Join'][1] as string[];
    expect(begin).toBe('printf %s "$DRIFT_TOKEN" | aws secretsmanager put-secret-value --secret-id ');
    expect(end).toBe(' --secret-string file:///dev/stdin');
  });

  test('where everything is', () => {
    expect(Object.keys(template.Outputs).sort()).toEqual([
      'ApiUrl',
      'ConversationsTable',
      'DashboardUrl',
      'DeliveriesTable',
      'EventBusName',
      'EventsTable',
      'ManagementApiUrl',
      'SetDriftToken',
      'SettingsTable',
      'SubscriptionsTable',
    ]);
  });
});

describe('what cannot be deployed', () => {
  test.each<[WebhookFanoutProps, string]>([
    [{ apiRequestsPerSecond: 0 }, 'apiRequestsPerSecond must be a whole number from 1 to 10000, but is 0'],
    [{ monthlyBudgetUsd: 0, alarmEmail: 'a@example.com' }, 'monthlyBudgetUsd must be a whole number from 1, but is 0'],
    [{ monthlyBudgetUsd: 5 }, 'monthlyBudgetUsd goes with alarmEmail'],
    [{ tableKey: 'customer' }, 'tableKey must be aws-owned, aws-managed or the ARN of a KMS key, but is customer'],
  ])('%j: it says why', (props, message) => {
    expect(() => synthesise(props)).toThrow(message);
  });

  test.each(['Prod', 'my-stage', '', 'longerthanthat'])('the stage %j: names are made from it', (stage) => {
    expect(() => synthesise({ stage })).toThrow(/stage of 1 to 13/);
  });

  test('a quiet period that no organisation could choose', () => {
    expect(() => synthesise({ quietPeriodSeconds: 59 })).toThrow(
      'quietPeriodSeconds must be a whole number from 60 to 86400',
    );
    expect(() => synthesise({ quietPeriodSeconds: 59, outboundPolicy: 'local' })).not.toThrow();
  });
});
