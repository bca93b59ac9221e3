import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Construct } from 'constructs';
import { apiRoutes } from '../../lambdas/contracts/api-routes.ts';
import { eventSources, testEventType } from '../../lambdas/domain/events/event-types.ts';
import type { ManageEnv } from '../../lambdas/manage/env.ts';
import type { Api } from './api.ts';
import { type FanoutBus, onlyEvents } from './event-bus.ts';
import { FanoutFunction } from './fanout-function.ts';
import type { Tables } from './tables.ts';

export interface ManagementProps {
  readonly bundleDirectory: string;
  readonly api: Api;
  readonly bus: FanoutBus;
  readonly tables: Tables;
  readonly eventHistoryDays: number;
  readonly routePrefix: string;
  readonly outboundPolicy: 'public' | 'local';
  readonly quietPeriodSeconds: string;
  readonly legacyTimeline: string;
}

/** The management API. Every route takes a signature of IAM (SigV4). */
export class Management extends Construct {
  readonly manage: FanoutFunction<ManageEnv>;

  constructor(scope: Construct, id: string, props: ManagementProps) {
    super(scope, id);
    const { bus, tables } = props;
    this.manage = new FanoutFunction<ManageEnv>(this, 'Manage', {
      lambda: 'manage',
      bundleDirectory: props.bundleDirectory,
      description: 'The management API',
      memoryMegabytes: 512,
      // An HTTP API gives up after 30 s.
      timeout: Duration.seconds(29),
      environment: {
        SUBSCRIPTIONS_TABLE: tables.subscriptions.tableName,
        SETTINGS_TABLE: tables.settings.tableName,
        DELIVERIES_TABLE: tables.deliveries.tableName,
        CONVERSATIONS_TABLE: tables.conversations.tableName,
        EVENTS_TABLE: tables.events?.tableName ?? 'none',
        EVENT_HISTORY_DAYS: String(props.eventHistoryDays),
        EVENT_BUS_NAME: bus.bus.eventBusName,
        EVENT_ARCHIVE_ARN: bus.archive.archiveArn,
        ROUTE_PREFIX: props.routePrefix,
        OUTBOUND_POLICY: props.outboundPolicy,
        DEFAULT_QUIET_PERIOD_SECONDS: props.quietPeriodSeconds,
        LEGACY_TIMELINE: props.legacyTimeline,
      },
    });
    this.manage.allow(
      [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Scan',
        'dynamodb:PutItem',
        'dynamodb:UpdateItem',
        'dynamodb:DeleteItem',
      ],
      [tables.subscriptions.tableArn],
    );
    this.manage.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.settings.tableArn]);
    // PutItem: what was asked for under an idempotency key. UpdateItem: how many messages a replay put into a queue.
    this.manage.allow(
      ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      [tables.deliveries.tableArn],
    );
    this.manage.allow(['dynamodb:Query'], [tables.deliveries.tableArn, tables.undeliveredIndexArn]);
    this.manage.allow(['dynamodb:GetItem'], [tables.conversations.tableArn]);
    if (tables.events !== undefined) {
      this.manage.allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], [tables.events.tableArn]);
      this.manage.allow(['dynamodb:Query'], tables.eventIndexArns);
    }
    this.manage.allow(['events:PutEvents'], [bus.bus.eventBusArn], onlyEvents([eventSources.fanout], [testEventType]));
    const stack = Stack.of(this);
    const madeByAReplay = {
      arn: stack.formatArn({ service: 'events', resource: 'replay', resourceName: `${props.routePrefix}-*` }),
      reason: 'Replays are made at run time; all of their names begin like this.',
    };
    this.manage.allow(['events:StartReplay'], [bus.archive.archiveArn, bus.bus.eventBusArn]);
    this.manage.allowNamed(['events:StartReplay', 'events:DescribeReplay', 'events:CancelReplay'], madeByAReplay);
    this.manage.allowUnscoped(['events:ListReplays', 'cloudwatch:GetMetricData']);
    // What is replayed from the ledger goes into the subscriber's queue, as a message like any other.
    this.manage.allowNamed(['sqs:GetQueueUrl', 'sqs:GetQueueAttributes', 'sqs:SendMessage'], {
      arn: stack.formatArn({ service: 'sqs', resource: `${props.routePrefix}-*` }),
      reason: 'Queues of subscribers are made at run time; all of their names begin like this.',
    });
    this.manage.allowNamed(['lambda:InvokeFunction'], {
      arn: stack.formatArn({
        service: 'lambda',
        resource: 'function',
        resourceName: `${props.routePrefix}-*`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
      reason: 'Delivery functions are made at run time; all of their names begin like this.',
    });

    // One permission for the API. CDK's one for each route leaves out the method, so those of `GET` and `PATCH` on one
    // path would be the same twice, and the function's policy may have 20 KB.
    const integration = new HttpLambdaIntegration('Integration', this.manage.function, {
      scopePermissionToRoute: false,
    });
    const authorizer = new HttpIamAuthorizer();
    // Named one by one, so that metrics and access logs tell them apart; the last makes an unknown path a clear answer.
    for (const { method, path } of apiRoutes) {
      props.api.httpApi.addRoutes({ path, methods: [HttpMethod[method]], integration, authorizer });
    }
    props.api.httpApi.addRoutes({ path: '/v1/{proxy+}', methods: [HttpMethod.ANY], integration, authorizer });
  }
}
