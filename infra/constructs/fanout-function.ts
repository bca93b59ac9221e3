import { join } from 'node:path';
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  type RecursiveLoop,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { serviceVariable } from '../../lambdas/contracts/metrics.ts';
import type { LambdaName } from '../bundle-lambdas.ts';
import { serviceOf } from './domain-metrics.ts';
import { explainWildcard } from './explain.ts';
import type { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import { type UnscopedAction, unscopedActions } from './unscoped-actions.ts';

export interface FanoutFunctionProps<Environment extends Record<string, string>> {
  readonly lambda: LambdaName;
  /** Holds `<function>/index.mjs`. */
  readonly bundleDirectory: string;
  readonly description: string;
  readonly memoryMegabytes: number;
  readonly timeout: Duration;
  /** Of the type that the function's env.ts exports: a variable that is forgotten does not compile. */
  readonly environment: Environment;
  readonly recursiveLoop?: RecursiveLoop;
  /** Set aside for this function of what the account has; left out, it shares with all others. */
  readonly reservedConcurrency?: number | undefined;
  /** Lambda itself logs faults only, and no lines for each invocation (docs/decisions/0060-lambda-logs-faults-only.md). */
  readonly systemLogsFaultsOnly?: true;
  /** Lambda tells X-Ray of the first invocation of each second and of 5 % of the others. */
  readonly isTraced?: boolean;
}

/** A function with its own log group and its own role, which may do nothing but write logs until allowed. */
export class FanoutFunction<Environment extends Record<string, string>> extends Construct {
  readonly function: LambdaFunction;
  readonly timeout: Duration;
  readonly memoryMegabytes: number;

  constructor(scope: Construct, id: string, props: FanoutFunctionProps<Environment>) {
    super(scope, id);
    this.timeout = props.timeout;
    this.memoryMegabytes = props.memoryMegabytes;

    // Logs are for finding faults, not data to keep, so they go with the stack.
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    explainWildcard(this, '*', Object.entries(unscopedActions).flat().join(' '));

    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: Code.fromAsset(join(props.bundleDirectory, props.lambda)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMegabytes,
      timeout: props.timeout,
      environment: { ...props.environment, [serviceVariable]: serviceOf(this) },
      ...(props.isTraced && { tracing: Tracing.ACTIVE }),
      logGroup,
      role,
      // Our own lines are JSON in either format, and pass as they are.
      ...(props.systemLogsFaultsOnly && {
        loggingFormat: LoggingFormat.JSON,
        systemLogLevelV2: SystemLogLevel.WARN,
      }),
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(props.recursiveLoop && { recursiveLoop: props.recursiveLoop }),
    });
  }

  /** Lets the function call these actions on these resources, and nothing more. */
  allow(actions: readonly string[], resources: readonly string[], conditions: Record<string, unknown> = {}): void {
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: [...actions], resources: [...resources], conditions }),
    );
  }

  /** Lets the function call actions for which IAM knows no resource. */
  allowUnscoped(actions: readonly UnscopedAction[], conditions: Record<string, unknown> = {}): void {
    this.function.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: ['*'], conditions }));
  }

  /** Lets the function act on all that is named like this, which is made at run time and so has no ARN yet. */
  allowNamed(
    actions: readonly string[],
    pattern: { readonly arn: string; readonly reason: string },
    conditions: Record<string, unknown> = {},
  ): void {
    this.function.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [pattern.arn], conditions }));
    explainWildcard(this, pattern.arn, pattern.reason);
  }

  /** Feeds the function from a queue. One bad message never fails its batch. */
  consume(
    { queue, consumerTimeout }: QueueWithDeadLetters,
    options: { readonly batchSize: number; readonly maxBatchingWindow?: Duration; readonly maxConcurrency?: number },
  ): void {
    if (consumerTimeout.toSeconds() < this.timeout.toSeconds()) {
      throw new Error(`${queue.node.path} was made for a consumer of ${consumerTimeout}, but it runs ${this.timeout}`);
    }
    this.allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], [queue.queueArn]);
    this.function.addEventSourceMapping(`${queue.node.scope?.node.id}Mapping`, {
      eventSourceArn: queue.queueArn,
      batchSize: options.batchSize,
      reportBatchItemFailures: true,
      ...(options.maxConcurrency && { maxConcurrency: options.maxConcurrency }),
      ...(options.maxBatchingWindow && { maxBatchingWindow: options.maxBatchingWindow }),
    });
  }
}
