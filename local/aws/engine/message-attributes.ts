import { hash } from 'node:crypto';
import { EngineError } from './engine-error.ts';

export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  /** Base64. */
  readonly BinaryValue?: string;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

const nameForm = /^(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/;
const typeForm = /^(String|Number|Binary)(\..+)?$/;

/** Throws `InvalidParameterValue` with the name of the attribute. */
export function checkAttributes(attributes: MessageAttributes): void {
  const entries = Object.entries(attributes);
  if (entries.length > 10)
    throw invalid(`Number of message attributes [${entries.length}] exceeds the allowed maximum [10].`);
  for (const [name, attribute] of entries) {
    if (!nameForm.test(name) || /^(aws|amazon)\./i.test(name)) {
      throw invalid(`The message attribute name '${name}' is invalid.`);
    }
    const { DataType, StringValue, BinaryValue } = attribute;
    if (typeof DataType !== 'string' || !typeForm.test(DataType)) {
      throw invalid(`The message attribute '${name}' has an invalid message attribute type.`);
    }
    const value = DataType.startsWith('Binary') ? BinaryValue : StringValue;
    if (typeof value !== 'string' || value === '') {
      throw invalid(`The message attribute '${name}' must contain a non-empty value of type '${DataType}'.`);
    }
    if (DataType.startsWith('Number') && !Number.isFinite(Number(value))) {
      throw invalid(`Can't cast the value of message attribute '${name}' to a number.`);
    }
  }
}

/** What the attributes count towards the size of a message: names, types and values. */
export function attributesSizeBytes(attributes: MessageAttributes): number {
  let size = 0;
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes)) {
    size += Buffer.byteLength(name) + Buffer.byteLength(DataType);
    size += StringValue === undefined ? Buffer.byteLength(BinaryValue ?? '', 'base64') : Buffer.byteLength(StringValue);
  }
  return size;
}

/**
 * The digest that SQS answers, over names in order, types and values, each with its length before it
 * (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html).
 */
export function attributesMd5(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const parts: Buffer[] = [];
  const addWithLength = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  };
  for (const name of names) {
    const { DataType, StringValue, BinaryValue } = attributes[name] as MessageAttribute;
    addWithLength(Buffer.from(name));
    addWithLength(Buffer.from(DataType));
    const isBinary = DataType.startsWith('Binary');
    parts.push(Buffer.of(isBinary ? 2 : 1));
    addWithLength(isBinary ? Buffer.from(BinaryValue ?? '', 'base64') : Buffer.from(StringValue ?? ''));
  }
  return hash('md5', Buffer.concat(parts));
}

function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValue', message);
}
