import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { defaultDisableAfterSeconds, maxDisableAfterSeconds } from '../lambdas/domain/deliveries/endpoint-health.ts';
import {
  formatLegacyTimeline,
  type LegacyTimeline,
  publishedLegacyTimeline,
} from '../lambdas/domain/events/legacy-timeline.ts';
import { defaultEventHistoryDays, maxEventHistoryDays } from '../lambdas/domain/history/recorded-event.ts';
import {
  defaultQuietPeriodSeconds,
  maxQuietPeriodSeconds,
  minQuietPeriodSeconds,
} from '../lambdas/domain/inactivity/inactivity-timer.ts';
import { routePrefixOf } from '../lambdas/domain/routes/route-prefix.ts';
import type { Traces } from '../lambdas/provision/env.ts';
import { defaultBundleDirectory } from './bundle-lambdas.ts';
import { Activity } from './constructs/activity.ts';
import { Alarms } from './constructs/alarms.ts';
import { Api } from './constructs/api.ts';
import { Dashboard } from './constructs/dashboard.ts';
import { FanoutBus } from './constructs/event-bus.ts';
import { EventHistory } from './constructs/event-history.ts';
import { Inactivity } from './constructs/inactivity.ts';
import { Ingest } from './constructs/ingest.ts';
import { Management } from './constructs/management.ts';
import { MonthlyBudget } from './constructs/monthly-budget.ts';
import { Routes } from './constructs/routes.ts';
import { Tables } from './constructs/tables.ts';

export interface WebhookFanoutProps extends StackProps {
  /** 1 to 13 of a-z and 0-9; `prod` when left out. Part of the stack's name, so stages live side by side. */
  readonly stage?: string;
  /** For organisations that set none; 600 when left out. */
  readonly quietPeriodSeconds?: number;
  /** As Drift published it when left out. */
  readonly legacyTimeline?: LegacyTimeline;
  /** `local` lets subscribers on private addresses through; not offered to a deploy. */
  readonly outboundPolicy?: 'public' | 'local';
  /** How many days each event is kept in the event history; 14 when left out, 0: there is no history. */
  readonly eventHistoryDays?: number;
  readonly alarmEmail?: string;
  /** Where people read docs/runbook.md, for the alarms' mails. */
  readonly runbookUrl?: string;
  /** An alarm rings when Drift has posted nothing for so long; none when left out. */
  readonly quietDriftHours?: number;
  /** Of the code that is deployed; alarms and an output name it. */
  readonly version?: string | undefined;
  /** A subscription to which no delivery succeeded for so long is disabled; 120 when left out. */
  readonly disableAfterHours?: number;
  /** Set aside for Drift's posts, out of what all functions of the account share; nothing when left out. */
  readonly ingestReservedConcurrency?: number;
  /** Of both APIs together; 1000 when left out. What comes beyond is answered 429. */
  readonly apiRequestsPerSecond?: number;
  /** Of the whole account, on which `alarmEmail` is told how much of it is used; no budget when left out. */
  readonly monthlyBudgetUsd?: number;
  /** `on`: X-Ray keeps a part of the posts, and each attempt joins the trace of its post; `off` when left out. */
  readonly traces?: Traces;
  /** What encrypts the tables (constructs/tables.ts); DynamoDB's own key when left out. */
  readonly tableKey?: string;
  /** `destroy` takes the tables with the stack; `retain` when left out. */
  readonly removalPolicy?: 'retain' | 'destroy';
  /** Holds `<function>/index.mjs`. */
  readonly bundleDirectory?: string;
}

export class WebhookFanoutStack extends Stack {
  constructor(scope: Construct, id: string, props: WebhookFanoutProps) {
    super(scope, id, { description: 'Fans Drift webhooks out to subscribers', ...props });
    const bundleDirectory = props.bundleDirectory ?? defaultBundleDirectory;
    const outboundPolicy = props.outboundPolicy ?? 'public';
    const traces = props.traces ?? 'off';
    const routePrefix = routePrefixOf(this.stackName);
    const legacyTimeline = JSON.stringify(formatLegacyTimeline(props.legacyTimeline ?? publishedLegacyTimeline));
    const quietPeriodSeconds = quietPeriodText(props.quietPeriodSeconds ?? defaultQuietPeriodSeconds, outboundPolicy);

    const alarms = new Alarms(this, 'Alarms', {
      email: props.alarmEmail,
      version: props.version,
      runbookUrl: props.runbookUrl,
    });
    const bus = new FanoutBus(this, 'Events');
    const eventHistoryDays = historyDays(props.eventHistoryDays ?? defaultEventHistoryDays);
    const tables = new Tables(this, 'Tables', {
      removalPolicy: props.removalPolicy ?? 'retain',
      keepsEvents: eventHistoryDays > 0,
      key: props.tableKey ?? 'aws-owned',
    });
    const api = new Api(this, 'Api', { alarms, requestsPerSecond: requestsPerSecond(props.apiRequestsPerSecond) });
    if (props.monthlyBudgetUsd !== undefined) {
      new MonthlyBudget(this, 'Budget', { usd: props.monthlyBudgetUsd, email: props.alarmEmail });
    }
    const ingest = new Ingest(this, 'Ingest', {
      bundleDirectory,
      api,
      bus,
      tables,
      alarms,
      legacyTimeline,
      reservedConcurrency: props.ingestReservedConcurrency,
      traces,
      quietDriftHours: quietHours(props.quietDriftHours),
    });
    const inactivity = new Inactivity(this, 'Inactivity', {
      bundleDirectory,
      bus,
      tables,
      alarms,
      quietPeriodSeconds,
      legacyTimeline,
    });
    const activity = new Activity(this, 'Activity', {
      bundleDirectory,
      bus,
      tables,
      inactivity,
      alarms,
      quietPeriodSeconds,
    });
    const routes = new Routes(this, 'Routes', {
      bundleDirectory,
      bus,
      tables,
      alarms,
      routePrefix,
      outboundPolicy,
      traces,
      legacyTimeline,
      disableAfterSeconds: disableAfterText(props.disableAfterHours ?? defaultDisableAfterSeconds / 3600),
    });
    const history =
      tables.events &&
      new EventHistory(this, 'EventHistory', {
        bundleDirectory,
        bus,
        events: tables.events,
        alarms,
        days: eventHistoryDays,
      });
    alarms.raise({
      article: 'queues-not-read',
      usersLose: 'Inactivity comes late or for the wrong conversations, or the event history lacks events.',
      // Of queues that nobody reads the functions say nothing.
      metric: new MathExpression({
        expression: `FILL(activity, 0) + FILL(timers, 0)${history === undefined ? '' : ' + FILL(history, 0)'}`,
        usingMetrics: {
          activity: activity.queue.metricOldestMessageAge(),
          timers: inactivity.timers.metricOldestMessageAge(),
          ...(history !== undefined && { history: history.queue.metricOldestMessageAge() }),
        },
        label: 'oldest messages, s',
        period: Duration.minutes(1),
      }),
      threshold: Duration.minutes(10).toSeconds(),
      evaluationPeriods: 5,
      badPeriods: 1,
    });
    const management = new Management(this, 'Management', {
      bundleDirectory,
      api,
      bus,
      tables,
      routePrefix,
      outboundPolicy,
      quietPeriodSeconds,
      legacyTimeline,
      eventHistoryDays,
    });

    const dashboard = new Dashboard(this, 'Dashboard', {
      alarms,
      api,
      activity,
      inactivity,
      routes,
      history,
      functions: [
        ingest.ingest,
        activity.trackActivity,
        inactivity.sweep,
        inactivity.emit,
        ...(history === undefined ? [] : [history.recordEvents]),
        routes.provision,
        management.manage,
      ],
    });

    const output = (name: string, value: string, description: string): void => {
      new CfnOutput(this, name, { value, description });
    };
    output('ApiUrl', `${api.url}/drift/events`, 'What Drift posts to: the webhook URL of the Drift app');
    output('ManagementApiUrl', `${api.url}/v1`, 'The management API, with IAM (SigV4) authorisation');
    output('EventBusName', bus.bus.eventBusName, 'The bus');
    output('SubscriptionsTable', tables.subscriptions.tableName, 'One config item makes one subscription');
    output('ConversationsTable', tables.conversations.tableName, 'Conversations and their timers');
    output('SettingsTable', tables.settings.tableName, 'Quiet periods of organisations');
    output('DeliveriesTable', tables.deliveries.tableName, 'The ledger of deliveries');
    if (tables.events !== undefined) output('EventsTable', tables.events.tableName, 'The event history');
    if (props.version !== undefined) output('Version', props.version, 'The commit that is deployed');
    output(
      'SetDriftToken',
      // Not as an argument: every user of the machine sees those of every process.
      `printf %s "$DRIFT_TOKEN" | aws secretsmanager put-secret-value --secret-id ${ingest.driftToken.secretArn} --secret-string file:///dev/stdin`,
      'Run this once with the verification token of the Drift app',
    );
    output(
      'DashboardUrl',
      `https://${this.region}.console.aws.amazon.com/cloudwatch/home?region=${this.region}#dashboards/dashboard/${dashboard.name}`,
      'What is lost, failing, late, flowing and spent',
    );
  }
}

/** The local run is for trying things out, so it may be as quick as a second. */
function quietPeriodText(seconds: number, outboundPolicy: 'public' | 'local'): string {
  const least = outboundPolicy === 'local' ? 1 : minQuietPeriodSeconds;
  if (!Number.isInteger(seconds) || seconds < least || seconds > maxQuietPeriodSeconds) {
    throw new Error(
      `quietPeriodSeconds must be a whole number from ${least} to ${maxQuietPeriodSeconds}, but is ${seconds}`,
    );
  }
  return String(seconds);
}

/** 10,000 is what an account has unless it asks for more. */
function requestsPerSecond(rate = 1000): number {
  if (!Number.isInteger(rate) || rate < 1 || rate > 10_000) {
    throw new Error(`apiRequestsPerSecond must be a whole number from 1 to 10000, but is ${rate}`);
  }
  return rate;
}

function historyDays(days: number): number {
  if (!Number.isInteger(days) || days < 0 || days > maxEventHistoryDays) {
    throw new Error(`eventHistoryDays must be a whole number from 0 to ${maxEventHistoryDays}, but is ${days}`);
  }
  return days;
}

/** CloudWatch looks back seven days at most. */
function quietHours(hours: number | undefined): number | undefined {
  if (hours !== undefined && (!Number.isInteger(hours) || hours < 1 || hours > 168)) {
    throw new Error(`quietDriftHours must be a whole number from 1 to 168, but is ${hours}`);
  }
  return hours;
}

function disableAfterText(hours: number): string {
  const most = maxDisableAfterSeconds / 3600;
  if (!Number.isInteger(hours) || hours < 1 || hours > most) {
    throw new Error(`disableAfterHours must be a whole number from 1 to ${most}, but is ${hours}`);
  }
  return String(hours * 3600);
}
