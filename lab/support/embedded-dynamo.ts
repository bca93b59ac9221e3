import { type CreateTableCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { tableSchemas } from '../../lambdas/contracts/table-schemas.ts';
import { systemClock } from '../../local/aws/engine/engine-clock.ts';
import { createDynamoTables } from '../../local/aws/wire/dynamodb.ts';
import { startAwsEndpoint } from '../../local/aws/wire/http-server.ts';

type Schema = keyof typeof tableSchemas;

/** All that is a number among the keys. */
const numbers: readonly string[] = ['timerShard', 'dueShard', 'dueAt', 'undeliveredAt'];

export type EmbeddedDynamo = Awaited<ReturnType<typeof startEmbeddedDynamo>>;

/** The embedded DynamoDB behind a socket, with this product's tables, named as their schemas are, and a client of it. */
export async function startEmbeddedDynamo() {
  const region = 'us-east-1';
  const tables = createDynamoTables({ clock: systemClock(), region, accountId: '000000000000' });
  const bugs: unknown[] = [];
  const endpoint = await startAwsEndpoint({ services: [tables.service], port: 0, onBug: (error) => bugs.push(error) });
  const client = new DynamoDBClient({
    endpoint: endpoint.url,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const createTable = (schema: Schema, name: string = schema) =>
    tables.create({ definition: { ...definitionOf(schema, name) } });
  for (const schema of Object.keys(tableSchemas) as Schema[]) await createTable(schema);

  return {
    client,
    /** One more of the same kind. */
    createTable,
    async stop(): Promise<void> {
      client.destroy();
      tables.stop();
      await endpoint.close();
      if (bugs.length > 0) throw new AggregateError(bugs, 'the embedded DynamoDB failed');
    },
  };
}

function definitionOf(name: Schema, TableName: string): CreateTableCommandInput & { TableName: string } {
  interface Index {
    readonly name: string;
    readonly partitionKey: string;
    readonly sortKey: string;
  }
  const schema: { partitionKey: string; sortKey?: string; index?: Index; dueIndex?: Index } = tableSchemas[name];
  const { partitionKey, sortKey } = schema;
  const indexes = [schema.index, schema.dueIndex].filter((index) => index !== undefined);
  const attributes = [partitionKey, sortKey, ...indexes.flatMap((index) => [index.partitionKey, index.sortKey])].filter(
    (key) => key !== undefined,
  );
  return {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...new Set(attributes)].map((key) => ({
      AttributeName: key,
      AttributeType: numbers.includes(key) ? 'N' : 'S',
    })),
    KeySchema: keySchema(partitionKey, sortKey),
    ...(indexes.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: indexes.map((index) => ({
            IndexName: index.name,
            KeySchema: keySchema(index.partitionKey, index.sortKey),
            // As infra makes them.
            Projection: { ProjectionType: index.name === 'undelivered' ? 'ALL' : 'KEYS_ONLY' },
          })),
        }),
  };
}

function keySchema(partitionKey: string, sortKey: string | undefined): CreateTableCommandInput['KeySchema'] {
  return [
    { AttributeName: partitionKey, KeyType: 'HASH' },
    ...(sortKey === undefined ? [] : [{ AttributeName: sortKey, KeyType: 'RANGE' as const }]),
  ];
}
