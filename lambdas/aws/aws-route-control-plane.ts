import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { queueArn, type RouteSettings, routeNames, subscriptionIdOf } from '../domain/routes/desired-route.ts';
import type { RouteAction } from '../domain/routes/route-plan.ts';
import type { ActionOutcome, RouteControlPlane, RouteDepth } from '../provision/ports.ts';
import { eventBridgeRouteRules } from './event-bridge-route-rules.ts';
import { lambdaRouteFunctions } from './lambda-route-functions.ts';
import { sqsRouteQueues } from './sqs-route-queues.ts';

interface Options {
  readonly eventBridge: EventBridgeClient;
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly settings: RouteSettings;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Subscriptions whose queues are looked at at once. */
const parallelLooks = 10;

/** Routes of EventBridge rules, SQS queues and Lambda functions. The clients retry calls that are throttled. */
export function awsRouteControlPlane({ eventBridge, sqs, lambda, settings, sleep }: Options): RouteControlPlane {
  const { tags, queueUrlBase, eventBusName } = settings;
  const rules = eventBridgeRouteRules({ client: eventBridge, eventBusName, tags });
  const queues = sqsRouteQueues({ client: sqs, queueUrlBase, tags, sleep });
  const functions = lambdaRouteFunctions({ client: lambda, tags, sleep });
  const namePrefix = `${settings.prefix}-`;

  async function* owners(pages: AsyncIterable<readonly string[]>): AsyncIterable<readonly string[]> {
    for await (const names of pages) yield names.flatMap((name) => subscriptionIdOf(settings.prefix, name) ?? []);
  }

  async function depthOf(subscriptionId: string): Promise<RouteDepth> {
    const names = routeNames(settings.prefix, subscriptionId);
    const [own, dead] = await Promise.all([queues.describe(names.queue), queues.describe(names.deadLetterQueue)]);
    return {
      waiting: Number(own?.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(own?.ApproximateNumberOfMessagesNotVisible ?? 0),
      deadLetters: Number(dead?.ApproximateNumberOfMessages ?? 0),
    };
  }

  return {
    async describe(names) {
      const [rule, queue, deadLetterQueue, deliverFunction, mappings] = await Promise.all([
        rules.describe(names.rule),
        queues.describe(names.queue),
        queues.describe(names.deadLetterQueue),
        functions.describe(names.deliverFunction),
        functions.mappings(queueArn(settings, names.queue), names.deliverFunction),
      ]);
      return {
        ...(rule === undefined ? {} : { rule }),
        ...(queue === undefined ? {} : { queue }),
        ...(deadLetterQueue === undefined ? {} : { deadLetterQueue }),
        ...(deliverFunction === undefined ? {} : { deliverFunction }),
        mappings,
      };
    },

    apply(action: RouteAction): Promise<ActionOutcome> {
      switch (action.kind) {
        case 'create-queue':
          return queues.create(action.name, action.attributes);
        case 'set-queue-attributes':
          return queues.setAttributes(action.name, action.attributes);
        case 'delete-queue':
          return queues.delete(action.name);
        case 'put-rule':
          return rules.put(action.name, action.pattern);
        case 'put-target':
          return rules.putTarget(action.rule, action.target);
        case 'remove-targets':
          return rules.removeTargets(action.rule, action.targetIds);
        case 'delete-rule':
          return rules.delete(action.name);
        case 'create-function':
          return functions.create(action.name, action.settings);
        case 'update-function-description':
          return functions.updateDescription(action.name, action.description);
        case 'update-function-code':
          return functions.updateCode(action.name, action.settings);
        case 'update-function-settings':
          return functions.updateSettings(action.name, action.settings);
        case 'allow-loops':
          return functions.allowLoops(action.name);
        case 'delete-function':
          return functions.delete(action.name);
        case 'create-mapping':
          return functions.createMapping(action.queueArn, action.functionName, action.settings);
        case 'update-mapping':
          return functions.updateMapping(action.mappingId, action.settings);
        case 'delete-mapping':
          return functions.deleteMapping(action.mappingId);
        default:
          throw action satisfies never;
      }
    },

    async *subscriptionIds() {
      yield* owners(rules.names(namePrefix));
      yield* owners(queues.names(namePrefix));
      yield* owners(functions.names());
      yield* owners(functions.mappedFunctions());
    },

    invoke(functionName, payload) {
      return functions.invoke(functionName, JSON.stringify(payload));
    },

    unreservedConcurrency: () => functions.unreservedConcurrency(),

    async depths(subscriptionIds) {
      const depths: RouteDepth[] = [];
      for (let start = 0; start < subscriptionIds.length; start += parallelLooks) {
        const ids = subscriptionIds.slice(start, start + parallelLooks);
        depths.push(...(await Promise.all(ids.map(depthOf))));
      }
      return depths;
    },
  };
}
