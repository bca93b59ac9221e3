import { tableSchemas } from '../contracts/table-schemas.ts';
import { readQuietPeriodSeconds } from '../domain/inactivity/inactivity-timer.ts';
import type { QuietPeriods } from '../inactivity/ports.ts';
import { fromAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll } from './dynamo-batches.ts';

interface Options extends BatchDeps {
  readonly tableName: string;
  readonly defaultSeconds: number;
}

/** Read with every batch and with every look at a timer, and not remembered: a change holds from the next of either on. */
export function dynamoQuietPeriods(options: Options): QuietPeriods {
  const { tableName, defaultSeconds } = options;
  const { partitionKey } = tableSchemas.settings;
  return {
    async ofOrgs(orgIds) {
      const unique = [...new Set(orgIds)];
      const seconds = new Map(unique.map((orgId) => [orgId, defaultSeconds]));
      const Keys = unique.map((orgId) => ({ [partitionKey]: { S: orgId } }));
      const found = await batchGetAll(options, { [tableName]: { Keys, ConsistentRead: true } });
      for (const item of found.get(tableName) ?? []) {
        const { [partitionKey]: orgId, quietPeriodSeconds } = fromAttributes(item);
        const set = readQuietPeriodSeconds(quietPeriodSeconds);
        if (set !== undefined) seconds.set(String(orgId), set);
      }
      return seconds;
    },
  };
}
