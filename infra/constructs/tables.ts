import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
  type TableProps,
} from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import {
  eventSummaryFields,
  tableSchemas,
  timeToLiveAttribute,
  undeliveredSummaryFields,
} from '../../lambdas/contracts/table-schemas.ts';

export interface TablesProps {
  /** `destroy` is for try-outs: the subscriptions are lost with the stack. */
  readonly removalPolicy: 'retain' | 'destroy';
  /** False: there is no event history. */
  readonly keepsEvents: boolean;
  /**
   * `aws-owned`: DynamoDB's, free of charge. `aws-managed`: the account's `aws/dynamodb`, whose use CloudTrail records. Otherwise the
   * ARN of a key of one's own. Each call that asks such a key is billed, see docs/security.md.
   */
  readonly key: string;
}

export class Tables extends Construct {
  readonly subscriptions: Table;
  readonly conversations: Table;
  readonly settings: Table;
  readonly deliveries: Table;
  readonly events: Table | undefined;

  constructor(scope: Construct, id: string, { removalPolicy, keepsEvents, key }: TablesProps) {
    super(scope, id);
    const everyTable = {
      billingMode: BillingMode.PAY_PER_REQUEST,
      ...this.encryptionBy(key),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: removalPolicy === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      deletionProtection: removalPolicy === 'retain',
    } satisfies Partial<TableProps>;
    const { subscriptions, conversations, settings, deliveries } = tableSchemas;

    this.subscriptions = new Table(this, 'Subscriptions', {
      ...everyTable,
      partitionKey: { name: subscriptions.partitionKey, type: AttributeType.STRING },
      sortKey: { name: subscriptions.sortKey, type: AttributeType.STRING },
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
    });
    this.conversations = new Table(this, 'Conversations', {
      ...everyTable,
      partitionKey: { name: conversations.partitionKey, type: AttributeType.STRING },
      timeToLiveAttribute,
    });
    this.conversations.addGlobalSecondaryIndex({
      indexName: conversations.index.name,
      partitionKey: { name: conversations.index.partitionKey, type: AttributeType.NUMBER },
      sortKey: { name: conversations.index.sortKey, type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.settings = new Table(this, 'Settings', {
      ...everyTable,
      partitionKey: { name: settings.partitionKey, type: AttributeType.STRING },
    });
    this.deliveries = new Table(this, 'Deliveries', {
      ...everyTable,
      partitionKey: { name: deliveries.partitionKey, type: AttributeType.STRING },
      sortKey: { name: deliveries.sortKey, type: AttributeType.STRING },
      timeToLiveAttribute,
    });
    this.deliveries.addGlobalSecondaryIndex({
      indexName: deliveries.index.name,
      partitionKey: { name: deliveries.index.partitionKey, type: AttributeType.STRING },
      sortKey: { name: deliveries.index.sortKey, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...undeliveredSummaryFields],
    });
    this.deliveries.addGlobalSecondaryIndex({
      indexName: deliveries.dueIndex.name,
      partitionKey: { name: deliveries.dueIndex.partitionKey, type: AttributeType.NUMBER },
      sortKey: { name: deliveries.dueIndex.sortKey, type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.events = keepsEvents ? this.makeEvents(everyTable) : undefined;
  }

  private encryptionBy(key: string): Pick<TableProps, 'encryption' | 'encryptionKey'> {
    if (key === 'aws-owned') return { encryption: TableEncryption.DEFAULT };
    if (key === 'aws-managed') return { encryption: TableEncryption.AWS_MANAGED };
    if (!/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/.test(key)) {
      throw new Error(`tableKey must be aws-owned, aws-managed or the ARN of a KMS key, but is ${key}`);
    }
    return { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: Key.fromKeyArn(this, 'Key', key) };
  }

  private makeEvents(everyTable: Partial<TableProps>): Table {
    const { partitionKey, byTime, byConversation } = tableSchemas.events;
    const table = new Table(this, 'Events', {
      ...everyTable,
      partitionKey: { name: partitionKey, type: AttributeType.STRING },
      timeToLiveAttribute,
    });
    for (const index of [byTime, byConversation]) {
      table.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: { name: index.partitionKey, type: AttributeType.STRING },
        sortKey: { name: index.sortKey, type: AttributeType.STRING },
        projectionType: ProjectionType.INCLUDE,
        nonKeyAttributes: [...eventSummaryFields],
      });
    }
    return table;
  }

  /** The indexes of the event history; none where there is no history. */
  get eventIndexArns(): string[] {
    const { byTime, byConversation } = tableSchemas.events;
    return this.events === undefined
      ? []
      : [byTime, byConversation].map(({ name }) => `${this.events?.tableArn}/index/${name}`);
  }

  /** The index of what is being tried, by when it is looked after. */
  get dueIndexArn(): string {
    return `${this.deliveries.tableArn}/index/${tableSchemas.deliveries.dueIndex.name}`;
  }

  /** The index of what was not delivered. */
  get undeliveredIndexArn(): string {
    return `${this.deliveries.tableArn}/index/${tableSchemas.deliveries.index.name}`;
  }

  /** The index of armed timers. */
  get timersIndexArn(): string {
    return `${this.conversations.tableArn}/index/${tableSchemas.conversations.index.name}`;
  }
}
