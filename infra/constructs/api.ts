import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Alarms } from './alarms.ts';

export interface ApiProps {
  readonly alarms: Alarms;
  /** Anybody can post to the ingest route, and each post costs an invocation. Bursts may have twice as many. */
  readonly requestsPerSecond: number;
}

/** The HTTP API that Drift and the managing people reach. Routes are added by who serves them. */
export class Api extends Construct {
  readonly httpApi: HttpApi;
  readonly stage: HttpStage;

  constructor(scope: Construct, id: string, { alarms, requestsPerSecond }: ApiProps) {
    super(scope, id);
    this.httpApi = new HttpApi(this, 'HttpApi', { createDefaultStage: false });
    const accessLogs = new LogGroup(this, 'AccessLogs', {
      // Each other group that an API writes to is added to one policy of the account, until that is full and no API can be
      // made. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
      logGroupName: `/aws/vendedlogs/${Stack.of(this).stackName}/api-access`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: requestsPerSecond, burstLimit: 2 * requestsPerSecond },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLogs),
        // No header and no body: the verification token is in both.
        format: AccessLogFormat.custom(
          JSON.stringify({
            requestId: '$context.requestId',
            time: '$context.requestTime',
            sourceIp: '$context.identity.sourceIp',
            caller: '$context.identity.userArn',
            routeKey: '$context.routeKey',
            path: '$context.path',
            status: '$context.status',
            responseLength: '$context.responseLength',
            latencyMilliseconds: '$context.responseLatency',
            integrationError: '$context.integrationErrorMessage',
          }),
        ),
      },
    });

    alarms.raise({
      article: 'api-errors',
      usersLose: "Events, if they are Drift's posts that fail: it is not known whether Drift sends an event again.",
      metric: this.metricServerErrors(),
      threshold: 1,
      evaluationPeriods: 2,
    });
    alarms.raise({
      article: 'flood',
      usersLose: 'Events, once the limit of the API is reached: it counts posts of Drift and of strangers alike.',
      metric: this.metricRequests(),
      threshold: (60 * requestsPerSecond) / 2,
      evaluationPeriods: 2,
    });
  }

  get url(): string {
    return this.httpApi.apiEndpoint;
  }

  /** Requests, whether they succeed or not. */
  metricRequests(period = Duration.minutes(1)): Metric {
    return this.stage.metricCount({ statistic: 'Sum', period });
  }

  metricServerErrors(): Metric {
    return this.stage.metricServerError({ statistic: 'Sum', period: Duration.minutes(1) });
  }
}
