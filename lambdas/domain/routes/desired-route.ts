import type { Flow } from '../deliveries/endpoint-health.ts';
import { queueRetentionSeconds } from '../deliveries/retry-schedule.ts';
import { rulePattern } from '../subscriptions/rule-pattern.ts';
import type { SubscriptionConfig } from '../subscriptions/subscription.ts';
import { deadLetterSuffix, subscriptionIdFault } from '../subscriptions/subscription-id.ts';

/** What all routes of one deployment have in common. */
export interface RouteSettings {
  /** Begins every name: `<prefix>-<subscriptionId>`. */
  readonly prefix: string;
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
  readonly eventBusName: string;
  /** A queue's url is this and its name; all queues of an account and region lie beside each other. */
  readonly queueUrlBase: string;
  readonly deliverCode: { readonly bucket: string; readonly key: string };
  readonly deliverRoleArn: string;
  readonly deliverLogGroup: string;
  /** Those of the stack, for what is made at run time. */
  readonly tags: Readonly<Record<string, string>>;
  /** The delivery function's environment, but for what belongs to one subscriber. */
  readonly deliverEnvironment: Readonly<Record<string, string>>;
}

/** The names of what one subscriber has. Each is made from the id alone, so that a crash can leave nothing nameless. */
export interface RouteNames {
  readonly subscriptionId: string;
  readonly rule: string;
  readonly queue: string;
  readonly deadLetterQueue: string;
  readonly deliverFunction: string;
}

export interface DesiredRoute {
  readonly names: RouteNames;
  readonly rule: { readonly pattern: string; readonly target: RuleTarget };
  readonly queue: QueueAttributes;
  readonly deadLetterQueue: QueueAttributes;
  readonly deliverFunction: FunctionSettings;
  readonly mapping: MappingSettings;
}

/** Where a rule sends its events, and where those that it cannot send. */
export interface RuleTarget {
  readonly queueArn: string;
  readonly deadLetterArn: string;
}

/** As SQS's CreateQueue takes them. */
export type QueueAttributes = Readonly<Record<string, string>>;

export interface FunctionSettings {
  readonly code: { readonly bucket: string; readonly key: string };
  readonly roleArn: string;
  readonly runtime: string;
  readonly architecture: 'arm64';
  readonly handler: string;
  readonly memoryMegabytes: number;
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logGroup: string;
  /**
   * Of Lambda's own lines, faults only: three lines for each batch are a quarter of what is logged for one delivery. See
   * docs/decisions/0060-lambda-logs-faults-only.md.
   */
  readonly systemLogLevel: 'WARN';
  /** Attempts are told to X-Ray one by one; a trace for each batch would be another one (xray-attempt-traces.ts). */
  readonly tracingMode: 'PassThrough';
  /**
   * A probe goes from the delivery function over the control queue and provision back to it: no runaway loop, but Lambda
   * would stop it after 16 turns. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
   */
  readonly recursiveLoop: 'Allow';
  /**
   * Names the code's key: it says which code a function runs, without another call or a tag. From before a change of the code
   * until after it, it is `descriptionOfChange`. Empty of a function whose code is not the one that it was written for.
   */
  readonly description: string;
}

export interface MappingSettings extends Flow {
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  /** Without it every message of a batch counts as delivered, and is deleted. */
  readonly reportsItemFailures: boolean;
  /** JSON. Lambda deletes what they do not let through. */
  readonly filterPatterns: readonly string[];
}

const deliverTimeoutSeconds = 90;
/**
 * Lambda asks for six times the function's timeout, and the window on top: a batch that was throttled is tried again
 * before it reappears. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const leastVisibilityTimeoutSeconds = 6 * deliverTimeoutSeconds;
/** SQS's highest: retries and throttles are receives too, and none of them may end in the dead-letter queue. */
const maxReceiveCount = 1000;
const batchSize = 10;
/** Lambda takes 256 characters; the adapter adds the code's hash. */
const maxDescriptionLength = 200;

export function routeNames(prefix: string, subscriptionId: string): RouteNames {
  const name = `${prefix}-${subscriptionId}`;
  return {
    subscriptionId,
    rule: name,
    queue: name,
    deadLetterQueue: `${name}${deadLetterSuffix}`,
    deliverFunction: name,
  };
}

/** The subscription to which a name of a rule, queue or function belongs, or undefined for a name that is not ours. */
export function subscriptionIdOf(prefix: string, name: string): string | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const rest = name.slice(prefix.length + 1);
  const id = rest.endsWith(deadLetterSuffix) ? rest.slice(0, -deadLetterSuffix.length) : rest;
  return subscriptionIdFault(id) === undefined ? id : undefined;
}

export function ruleArn(settings: RouteSettings, names: RouteNames): string {
  const { partition, region, accountId, eventBusName } = settings;
  return `arn:${partition}:events:${region}:${accountId}:rule/${eventBusName}/${names.rule}`;
}

export function queueArn({ partition, region, accountId }: RouteSettings, queueName: string): string {
  return `arn:${partition}:sqs:${region}:${accountId}:${queueName}`;
}

/** All that a valid subscription needs. `flow`: whether and how fast its queue is read just now. */
export function desiredRoute(config: SubscriptionConfig, flow: Flow, settings: RouteSettings): DesiredRoute {
  const names = routeNames(settings.prefix, config.subscriptionId);
  const ownQueueArn = queueArn(settings, names.queue);
  const deadLetterArn = queueArn(settings, names.deadLetterQueue);
  const batchingWindowSeconds = config.maxBatchingWindowSeconds ?? 0;
  const sentByRule = (arn: string) => sendPolicy(arn, ruleArn(settings, names));
  return {
    names,
    rule: { pattern: JSON.stringify(rulePattern(config)), target: { queueArn: ownQueueArn, deadLetterArn } },
    queue: {
      VisibilityTimeout: String(leastVisibilityTimeoutSeconds + batchingWindowSeconds),
      MessageRetentionPeriod: String(queueRetentionSeconds),
      SqsManagedSseEnabled: 'true',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetterArn, maxReceiveCount }),
      Policy: sentByRule(ownQueueArn),
    },
    deadLetterQueue: {
      MessageRetentionPeriod: String(queueRetentionSeconds),
      SqsManagedSseEnabled: 'true',
      Policy: sentByRule(deadLetterArn),
    },
    deliverFunction: functionSettings(names, settings),
    mapping: { ...flow, batchSize, batchingWindowSeconds, reportsItemFailures: true, filterPatterns: [] },
  };
}

/** Only this rule may send to the queue, and nobody reaches it without TLS. */
function sendPolicy(arn: string, onlyRuleArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'OnlyItsRule',
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: arn,
        Condition: { ArnEquals: { 'aws:SourceArn': onlyRuleArn } },
      },
      {
        Sid: 'OnlyOverTls',
        Effect: 'Deny',
        Principal: '*',
        Action: 'sqs:*',
        Resource: arn,
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  });
}

function functionSettings(names: RouteNames, settings: RouteSettings): FunctionSettings {
  const { deliverCode, deliverRoleArn, deliverLogGroup, deliverEnvironment, queueUrlBase } = settings;
  return {
    code: deliverCode,
    roleArn: deliverRoleArn,
    runtime: 'nodejs24.x',
    architecture: 'arm64',
    handler: 'index.handler',
    memoryMegabytes: 256,
    timeoutSeconds: deliverTimeoutSeconds,
    environment: {
      ...deliverEnvironment,
      SUBSCRIPTION_ID: names.subscriptionId,
      QUEUE_URL: `${queueUrlBase}${names.queue}`,
    },
    logGroup: deliverLogGroup,
    systemLogLevel: 'WARN',
    tracingMode: 'PassThrough',
    recursiveLoop: 'Allow',
    description: `Delivers to subscription ${names.subscriptionId}; code ${deliverCode.key}`.slice(
      0,
      maxDescriptionLength,
    ),
  };
}

/** Of a function whose code nobody can be sure of. */
export function descriptionOfChange({ subscriptionId }: RouteNames): string {
  return `Delivers to subscription ${subscriptionId}; its code is being changed`;
}
