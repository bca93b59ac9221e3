import { EngineError } from './engine-error.ts';

/** As SetQueueAttributes takes them: names as AWS spells them, values as text (`RedrivePolicy` is JSON text). */
export type QueueAttributes = Readonly<Record<string, string>>;

/** What a queue's attributes mean. */
export interface QueueSettings {
  readonly visibilityTimeoutSeconds: number;
  readonly delaySeconds: number;
  readonly receiveWaitSeconds: number;
  readonly retentionSeconds: number;
  readonly maximumMessageBytes: number;
  readonly redrive?: { readonly deadLetterArn: string; readonly maxReceiveCount: number };
}

/** Name, default, least, most (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html). */
const numbers = {
  VisibilityTimeout: [30, 0, 43_200],
  DelaySeconds: [0, 0, 900],
  ReceiveMessageWaitTimeSeconds: [0, 0, 20],
  MessageRetentionPeriod: [345_600, 60, 1_209_600],
  MaximumMessageSize: [1_048_576, 1_024, 1_048_576],
  KmsDataKeyReusePeriodSeconds: [300, 60, 86_400],
} as const satisfies Record<string, readonly [number, number, number]>;

/** Kept and shown, without any effect here. */
const texts: readonly string[] = ['Policy', 'RedriveAllowPolicy', 'KmsMasterKeyId', 'SqsManagedSseEnabled'];

export const defaultAttributes: QueueAttributes = {
  ...Object.fromEntries(
    Object.entries(numbers)
      .filter(([name]) => name !== 'KmsDataKeyReusePeriodSeconds')
      .map(([name, [value]]) => [name, String(value)]),
  ),
  SqsManagedSseEnabled: 'true',
};

/**
 * The attributes after a change: an empty text takes one away. Throws `InvalidAttributeName`, `InvalidAttributeValue`,
 * and `UnsupportedOperation` for FIFO queues.
 */
export function changeAttributes(current: QueueAttributes, change: QueueAttributes): QueueAttributes {
  const next: Record<string, string> = { ...current };
  for (const [name, value] of Object.entries(change)) {
    if (name === 'FifoQueue' || name === 'ContentBasedDeduplication') {
      throw new EngineError('UnsupportedOperation', `${name}: FIFO queues are not supported here.`);
    }
    const limits = numbers[name as keyof typeof numbers] as readonly [number, number, number] | undefined;
    if (limits === undefined && name !== 'RedrivePolicy' && !texts.includes(name)) {
      throw new EngineError('InvalidAttributeName', `Unknown Attribute ${name}.`);
    }
    if (typeof value !== 'string') throw invalidValue(name);
    if (limits !== undefined) {
      const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
      if (!(number >= limits[1] && number <= limits[2])) throw invalidValue(name);
    }
    if (value === '') delete next[name];
    else next[name] = value;
  }
  if (next.RedrivePolicy !== undefined) readRedrivePolicy(next.RedrivePolicy);
  return next;
}

export function readSettings(attributes: QueueAttributes): QueueSettings {
  const number = (name: keyof typeof numbers) => Number(attributes[name] ?? numbers[name][0]);
  return {
    visibilityTimeoutSeconds: number('VisibilityTimeout'),
    delaySeconds: number('DelaySeconds'),
    receiveWaitSeconds: number('ReceiveMessageWaitTimeSeconds'),
    retentionSeconds: number('MessageRetentionPeriod'),
    maximumMessageBytes: number('MaximumMessageSize'),
    ...(attributes.RedrivePolicy === undefined ? {} : { redrive: readRedrivePolicy(attributes.RedrivePolicy) }),
  };
}

function readRedrivePolicy(text: string): { deadLetterArn: string; maxReceiveCount: number } {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw invalidValue('RedrivePolicy');
  }
  const { deadLetterTargetArn, maxReceiveCount } = (policy ?? {}) as Record<string, unknown>;
  const count = Number(maxReceiveCount);
  if (typeof deadLetterTargetArn !== 'string' || !Number.isInteger(count) || count < 1 || count > 1000) {
    throw new EngineError(
      'InvalidAttributeValue',
      'Invalid value for the parameter RedrivePolicy. It needs deadLetterTargetArn, and maxReceiveCount from 1 to 1000.',
    );
  }
  return { deadLetterArn: deadLetterTargetArn, maxReceiveCount: count };
}

function invalidValue(name: string): EngineError {
  return new EngineError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
}
