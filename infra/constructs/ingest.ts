import { Duration } from 'aws-cdk-lib';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { eventSources } from '../../lambdas/domain/events/event-types.ts';
import type { IngestEnv } from '../../lambdas/ingest/env.ts';
import type { Traces } from '../../lambdas/provision/env.ts';
import type { Alarms } from './alarms.ts';
import type { Api } from './api.ts';
import { domainMetric } from './domain-metrics.ts';
import { type FanoutBus, onlyEvents } from './event-bus.ts';
import { explain } from './explain.ts';
import { FanoutFunction } from './fanout-function.ts';
import type { Tables } from './tables.ts';

export interface IngestProps {
  readonly bundleDirectory: string;
  readonly api: Api;
  readonly bus: FanoutBus;
  readonly tables: Tables;
  readonly legacyTimeline: string;
  readonly alarms: Alarms;
  /** Without a post of Drift, after which an alarm rings; undefined: none does. */
  readonly quietDriftHours: number | undefined;
  readonly reservedConcurrency: number | undefined;
  readonly traces: Traces;
}

/** `POST /drift/events`: what Drift is told to post to, and the token that says that it is Drift. */
export class Ingest extends Construct {
  readonly driftToken: Secret;
  readonly ingest: FanoutFunction<IngestEnv>;

  constructor(scope: Construct, id: string, props: IngestProps) {
    super(scope, id);
    // Generated, so that nobody can post before the true token is set (docs/deploying.md).
    this.driftToken = new Secret(this, 'DriftToken', {
      description: "The verification token of the Drift app. Replace the generated value with Drift's own.",
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
    });
    explain(
      this.driftToken,
      'SMG4',
      'Drift gives out the token: rotating it is a step for people (docs/deploying.md).',
    );
    this.ingest = new FanoutFunction<IngestEnv>(this, 'Ingest', {
      lambda: 'ingest',
      bundleDirectory: props.bundleDirectory,
      description: 'Takes what Drift posts and puts it on the bus, with all that follows from it',
      // CPU goes with memory: parsing and signing in 512 MB is well under 100 ms when cold code has been loaded.
      memoryMegabytes: 512,
      // How long Drift waits is not documented. Longer than this it would be no use to anybody.
      timeout: Duration.seconds(10),
      environment: {
        EVENT_BUS_NAME: props.bus.bus.eventBusName,
        CONVERSATIONS_TABLE: props.tables.conversations.tableName,
        DRIFT_TOKEN_SECRET_ARN: this.driftToken.secretArn,
        LEGACY_TIMELINE: props.legacyTimeline,
      },
      systemLogsFaultsOnly: true,
      reservedConcurrency: props.reservedConcurrency,
      // Where each trace begins: what all others do is in the logs (docs/decisions/0062-what-a-delivery-need-not-cost.md).
      isTraced: props.traces === 'on',
    });
    this.ingest.allow(
      ['events:PutEvents'],
      [props.bus.bus.eventBusArn],
      onlyEvents([eventSources.drift, eventSources.retired], 'any'),
    );
    this.ingest.allow(['dynamodb:UpdateItem'], [props.tables.conversations.tableArn]);
    this.ingest.allow(['secretsmanager:GetSecretValue'], [this.driftToken.secretArn]);

    props.alarms.raise({
      article: 'ingest-throttled',
      usersLose: 'Posts of Drift are turned away: other functions use up the concurrency of the account.',
      metric: this.ingest.function.metricThrottles({ statistic: 'Sum', period: Duration.minutes(1) }),
      threshold: 1,
    });

    const [route] = props.api.httpApi.addRoutes({
      path: '/drift/events',
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('Integration', this.ingest.function),
    });
    if (route !== undefined) {
      explain(route, 'APIG4', "Drift cannot sign its posts. The function checks Drift's token before all else.");
    }
    // Drift posts seldom where little is said: a few in an hour. One alone may be a stranger's try.
    props.alarms.raise({
      article: 'bad-token',
      usersLose: 'All events from Drift, if the token changed there and not here.',
      metric: domainMetric(this, 'EventsRefused', 'Sum', Duration.hours(1), { reason: 'bad-token' }),
      threshold: 3,
    });
    if (props.quietDriftHours !== undefined) {
      props.alarms.raise({
        article: 'nothing-from-drift',
        usersLose: `Everything, if Drift posts somewhere else or nowhere: nothing came for ${props.quietDriftHours} h.`,
        metric: domainMetric(this, 'EventsReceived', 'Sum', Duration.hours(1)),
        threshold: 1,
        comparison: 'below',
        evaluationPeriods: props.quietDriftHours,
        missing: 'breaching',
      });
    }
  }
}
