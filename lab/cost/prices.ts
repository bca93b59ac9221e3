/** When the prices were last held against the sources. */
export const pricesAsOf = '2026-11-22';

export interface Price {
  readonly usd: number;
  /** How much one gets for it. */
  readonly per: number;
  readonly unit: string;
  readonly source: string;
}

/**
 * List prices of us-east-1 without free tiers, at the first step where they fall with volume. Each was looked up in its
 * source, or in overviews of it from 2026 where the page could not be read.
 */
export const prices = {
  apiRequest: million(1, 'request to an HTTP API', 'https://aws.amazon.com/api-gateway/pricing/'),
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
  logGigabyte: gigabyte(0.5, 'GB of logs taken in', 'https://aws.amazon.com/cloudwatch/pricing/'),
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
  internetGigabyte: gigabyte(0.09, 'GB sent to the internet', 'https://aws.amazon.com/ec2/pricing/on-demand/'),
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof prices;

export function priceOf(name: PriceName, quantity: number): number {
  const { usd, per } = prices[name];
  return (quantity * usd) / per;
}

function million(usd: number, unit: string, source: string): Price {
  return { usd, per: 1_000_000, unit, source };
}

function gigabyte(usd: number, unit: string, source: string): Price {
  return { usd, per: 1024 ** 3, unit, source };
}
