import { tableSchemas } from '../contracts/table-schemas.ts';
import type { QuietPeriods } from '../inactivity/ports.ts';
import { type BatchDeps, batchGetAll } from './dynamo-batches.ts';

interface Options extends BatchDeps {
  readonly tableName: string;
  readonly defaultSeconds: number;
}

/** Read with every batch and not remembered, so that a change holds from the next activity on. */
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
        const value = Number(item.quietPeriodSeconds?.N);
        if (value > 0) seconds.set(item[partitionKey]?.S ?? '', value);
      }
      return seconds;
    },
  };
}
