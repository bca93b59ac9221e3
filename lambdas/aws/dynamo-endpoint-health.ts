import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { subscriptionRecords, tableSchemas } from '../contracts/table-schemas.ts';
import type { EndpointHealth, EndpointHealthStore, FailingStreak } from '../deliver/ports.ts';
import { maxRestSeconds } from '../domain/deliveries/retry-schedule.ts';
import type { SubscriptionState } from '../domain/subscriptions/subscription.ts';
import { fromAttributes, toAttributes } from './dynamo-attributes.ts';
import { ifConditionHolds } from './dynamo-expressions.ts';

interface Change {
  readonly update: string;
  readonly condition?: string;
  readonly during?: FailingStreak | undefined;
  readonly values: Record<string, unknown>;
}

/** The health attributes of one subscription's `state` record. */
export function dynamoEndpointHealth(
  client: DynamoDBClient,
  tableName: string,
  subscriptionId: string,
): EndpointHealth {
  return { ofEndpoint: (appliedEndpoint) => healthOf({ client, tableName, subscriptionId, appliedEndpoint }) };
}

function healthOf({
  client,
  tableName,
  subscriptionId,
  appliedEndpoint,
}: {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly subscriptionId: string;
  readonly appliedEndpoint: string | undefined;
}): EndpointHealthStore {
  const { partitionKey, sortKey } = tableSchemas.subscriptions;
  const key = { [partitionKey]: { S: subscriptionId }, [sortKey]: { S: subscriptionRecords.state } };
  const sameEndpoint =
    appliedEndpoint === undefined
      ? { condition: 'attribute_not_exists(#appliedEndpoint)', values: {} }
      : { condition: '#appliedEndpoint = :appliedEndpoint', values: { ':appliedEndpoint': appliedEndpoint } };

  /**
   * What is stored after the change, or undefined where its condition did not hold. It holds where the change is done, too: the
   * SDK repeats a write whose answer was lost.
   */
  async function change({ update, condition, during, values }: Change): Promise<SubscriptionState | undefined> {
    // Without the first condition an update would bring the record of a deleted subscription back.
    const conditions = [
      `attribute_exists(#${partitionKey})`,
      sameEndpoint.condition,
      ...(condition === undefined ? [] : [condition]),
      ...(during === undefined ? [] : ['#failingSince = :streak']),
    ];
    const attributeValues = toAttributes({ ...values, ...sameEndpoint.values, ':streak': during?.failingSince });
    // Every name is written with a #, so that none can be one of DynamoDB's reserved words.
    const names = `${update} ${conditions.join(' ')}`.match(/#\w+/g) ?? [];
    const output = await ifConditionHolds(
      client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: key,
          UpdateExpression: update,
          ConditionExpression: conditions.join(' AND '),
          // None is not the same as an empty list of them.
          ...(Object.keys(attributeValues).length === 0 ? {} : { ExpressionAttributeValues: attributeValues }),
          ExpressionAttributeNames: Object.fromEntries(names.map((name) => [name, name.slice(1)])),
          ReturnValues: 'ALL_NEW',
        }),
      ),
    );
    return output && (fromAttributes(output.Attributes ?? {}) as unknown as SubscriptionState);
  }

  return {
    async recordFailures({ count, at, failingSince }, moved) {
      const since = moved === undefined ? 'if_not_exists(#failingSince, :since)' : ':since';
      return change({
        update: `SET #failingSince = ${since}, #lastFailureAt = :at ADD #failures :count`,
        during: moved,
        values: { ':since': failingSince, ':at': at, ':count': count },
      });
    },

    async throttle(until) {
      return change({
        update: 'SET #throttledUntil = :until',
        // What lies too far ahead to be believed is void.
        condition: '(attribute_not_exists(#throttledUntil) OR #throttledUntil <= :until OR #throttledUntil > :void)',
        values: { ':until': until, ':void': until + 2 * maxRestSeconds * 1000 },
      });
    },

    async endFailing({ deliveredAt, circuit }) {
      const sets = [
        ...(deliveredAt === undefined ? [] : ['#lastSuccessAt = :at']),
        ...(circuit === undefined ? [] : ['#circuit = :circuit']),
      ];
      await change({
        update: `${sets.length === 0 ? '' : `SET ${sets.join(', ')} `}REMOVE #failingSince, #lastFailureAt, #failures, #failingNotice`,
        values: { ':at': deliveredAt, ':circuit': circuit },
      });
    },

    async replaceCircuit(expected, next, during) {
      const unchanged = '#circuit.#state = :state AND #circuit.#since = :since';
      const stored = await change({
        update: 'SET #circuit = :next',
        condition: `(${expected === undefined ? 'attribute_not_exists(#circuit)' : unchanged} OR #circuit = :next)`,
        during,
        values: {
          ':next': next,
          ...(expected === undefined ? {} : { ':state': expected.state, ':since': expected.since }),
        },
      });
      return stored !== undefined;
    },

    async recordNotice(notice, during) {
      await change({ update: 'SET #failingNotice = :notice', during, values: { ':notice': notice } });
    },

    async disable(at, reason, during) {
      const stored = await change({
        update: 'SET #disabled = :disabled',
        condition: '(attribute_not_exists(#disabled) OR #disabled = :disabled)',
        during,
        values: { ':disabled': { at, reason } },
      });
      return stored !== undefined;
    },
  };
}
