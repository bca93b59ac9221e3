import { type CreateTableCommandInput, DynamoDBClient, type Projection } from '@aws-sdk/client-dynamodb';
import { eventSummaryFields, tableSchemas, undeliveredSummaryFields } from '../../lambdas/contracts/table-schemas.ts';
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
  const { partitionKey, sortKey, ...indexes }: { partitionKey: string; sortKey?: string } = tableSchemas[name];
  const ofTable = Object.values(indexes) as { name: string; partitionKey: string; sortKey: string }[];
  const attributes = [partitionKey, sortKey, ...ofTable.flatMap((index) => [index.partitionKey, index.sortKey])].filter(
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
    ...(ofTable.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: ofTable.map((index) => ({
            IndexName: index.name,
            KeySchema: keySchema(index.partitionKey, index.sortKey),
            Projection: projectionOf(index.name),
          })),
        }),
  };
}

/** As infra makes them. */
function projectionOf(indexName: string): Projection {
  const { byTime, byConversation } = tableSchemas.events;
  const isOfHistory = [byTime, byConversation].some(({ name }) => name === indexName);
  if (isOfHistory) return { ProjectionType: 'INCLUDE', NonKeyAttributes: [...eventSummaryFields] };
  return indexName === tableSchemas.deliveries.index.name
    ? { ProjectionType: 'INCLUDE', NonKeyAttributes: [...undeliveredSummaryFields] }
    : { ProjectionType: 'KEYS_ONLY' };
}

function keySchema(partitionKey: string, sortKey: string | undefined): CreateTableCommandInput['KeySchema'] {
  return [
    { AttributeName: partitionKey, KeyType: 'HASH' },
    ...(sortKey === undefined ? [] : [{ AttributeName: sortKey, KeyType: 'RANGE' as const }]),
  ];
}
