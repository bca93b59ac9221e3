/** When the prices were last held against the sources. */
export const pricesAsOf = '2026-11-27';

export interface Price {
  readonly usd: number;
  /** How much one gets for it. */
  readonly per: number;
  readonly unit: string;
  readonly source: string;
  /** What is beyond so much in a month is cheaper. */
  readonly steps?: readonly { readonly beyond: number; readonly usd: number }[];
}

const gigabyteBytes = 1024 ** 3;
const terabyteBytes = 1024 ** 4;

/**
 * List prices of us-east-1 without free tiers. Each was looked up in its source, or in overviews of it from 2026 where the
 * page could not be read.
 */
export const prices = {
  apiRequest: {
    ...million(1, 'request to an HTTP API, of up to 512 KB', 'https://aws.amazon.com/api-gateway/pricing/'),
    steps: [{ beyond: 300_000_000, usd: 0.9 }],
  },
  lambdaRequest: million(0.2, 'invocation', 'https://aws.amazon.com/lambda/pricing/'),
  lambdaGigabyteSecond: {
    usd: 0.0000133334,
    per: 1,
    unit: 'GB-second on arm64',
    source: 'https://aws.amazon.com/lambda/pricing/',
  },
  busEvent: million(1, 'custom event of up to 64 KB', 'https://aws.amazon.com/eventbridge/pricing/'),
  archivedGigabyte: gigabyte(0.1, 'GB put into an archive', 'https://aws.amazon.com/eventbridge/pricing/'),
  archiveGigabyteMonth: gigabyte(0.023, 'GB-month in an archive', 'https://aws.amazon.com/eventbridge/pricing/'),
  queueRequest: million(0.4, 'request to a standard queue, of up to 64 KB', 'https://aws.amazon.com/sqs/pricing/'),
  tableWriteUnit: million(0.625, 'write request unit, on demand', 'https://aws.amazon.com/dynamodb/pricing/on-demand/'),
  tableReadUnit: million(0.125, 'read request unit, on demand', 'https://aws.amazon.com/dynamodb/pricing/on-demand/'),
  tableWriteCapacityHour: {
    usd: 0.00065,
    per: 1,
    unit: 'write capacity unit and hour, provisioned',
    source: 'https://aws.amazon.com/dynamodb/pricing/provisioned/',
  },
  tableReadCapacityHour: {
    usd: 0.00013,
    per: 1,
    unit: 'read capacity unit and hour, provisioned',
    source: 'https://aws.amazon.com/dynamodb/pricing/provisioned/',
  },
  tableGigabyteMonth: gigabyte(0.25, 'GB-month in a table', 'https://aws.amazon.com/dynamodb/pricing/on-demand/'),
  backupGigabyteMonth: gigabyte(
    0.2,
    'GB-month of point-in-time recovery',
    'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  ),
  logGigabyte: {
    ...gigabyte(0.5, 'GB of logs taken in', 'https://aws.amazon.com/cloudwatch/pricing/'),
    steps: [
      { beyond: 10 * terabyteBytes, usd: 0.25 },
      { beyond: 30 * terabyteBytes, usd: 0.1 },
      { beyond: 50 * terabyteBytes, usd: 0.05 },
    ],
  },
  logScannedGigabyte: gigabyte(
    0.005,
    'GB of logs that a query looks through',
    'https://aws.amazon.com/cloudwatch/pricing/',
  ),
  metricMonth: {
    usd: 0.3,
    per: 1,
    unit: 'custom metric and month',
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
  },
  alarmMonth: {
    usd: 0.1,
    per: 1,
    unit: 'metric that an alarm watches, and month',
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
  },
  dashboardMonth: {
    usd: 3,
    per: 1,
    unit: 'dashboard and month (the first three of an account are free)',
    source: 'https://aws.amazon.com/cloudwatch/pricing/',
  },
  trace: million(5, 'trace recorded by X-Ray', 'https://aws.amazon.com/xray/pricing/'),
  secretMonth: {
    usd: 0.4,
    per: 1,
    unit: 'secret and month',
    source: 'https://aws.amazon.com/secrets-manager/pricing/',
  },
  secretRequest: {
    usd: 0.05,
    per: 10_000,
    unit: '10,000 reads of a secret',
    source: 'https://aws.amazon.com/secrets-manager/pricing/',
  },
  keyRequest: {
    usd: 0.03,
    per: 10_000,
    unit: '10,000 requests to KMS',
    source: 'https://aws.amazon.com/kms/pricing/',
  },
  keyMonth: { usd: 1, per: 1, unit: "customer's own key and month", source: 'https://aws.amazon.com/kms/pricing/' },
  internetGigabyte: {
    ...gigabyte(0.09, 'GB sent to the internet', 'https://aws.amazon.com/ec2/pricing/on-demand/'),
    steps: [{ beyond: 10 * terabyteBytes, usd: 0.085 }],
  },
  serverHour: {
    usd: 0.0336,
    per: 1,
    unit: 'hour of a t4g.medium, two processors',
    source: 'https://aws.amazon.com/ec2/pricing/on-demand/',
  },
  databaseHour: {
    usd: 0.13,
    per: 1,
    unit: 'hour of a db.t4g.medium, in two zones',
    source: 'https://aws.amazon.com/rds/postgresql/pricing/',
  },
  databaseGigabyteMonth: {
    usd: 0.23,
    per: 1,
    unit: 'GB-month of a database in two zones',
    source: 'https://aws.amazon.com/rds/postgresql/pricing/',
  },
  loadBalancerHour: {
    usd: 0.0225,
    per: 1,
    unit: 'hour of a load balancer',
    source: 'https://aws.amazon.com/elasticloadbalancing/pricing/',
  },
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof prices;

/** USD for so much in a month, by the steps of the price. */
export function priceOf(name: PriceName, quantity: number): number {
  const { usd, per, steps = [] }: Price = prices[name];
  const beyond = steps.map((step, index) => ({
    saved: ((steps[index - 1]?.usd ?? usd) - step.usd) / per,
    quantity: Math.max(0, quantity - step.beyond),
  }));
  return (quantity * usd) / per - beyond.reduce((sum, step) => sum + step.saved * step.quantity, 0);
}

function million(usd: number, unit: string, source: string): Price {
  return { usd, per: 1_000_000, unit, source };
}

function gigabyte(usd: number, unit: string, source: string): Price {
  return { usd, per: gigabyteBytes, unit, source };
}
