import {
  findOversizeInteger,
  isJsonObject,
  type JsonObject,
  nestingDepth,
  parseJson,
} from '../../../lambdas/json/json.ts';

export interface EventEntry {
  readonly source?: string;
  readonly detailType?: string;
  /** JSON text of an object. */
  readonly detail?: string;
  /** Epoch milliseconds; default now. */
  readonly time?: number;
  readonly resources?: readonly string[];
  readonly bus?: string;
  /** X-Ray's. Targets get it beside the event, never in it; an archive does not keep it. */
  readonly traceHeader?: string;
}

/** An event on a bus. */
export interface BusEvent {
  readonly id: string;
  readonly source: string;
  readonly detailType: string;
  readonly resources: readonly string[];
  /** Epoch milliseconds, whole seconds in the envelope. */
  readonly time: number;
  /** As it came in, each digit of it. */
  readonly detailText: string;
}

export interface Refusal {
  readonly errorCode: string;
  readonly errorMessage: string;
}

// Documented with PutEvents and its entries.
const deepestDetail = 1000;
const maxDetailTypeCharacters = 128;
const maxSourceCharacters = 256;

/** What is wrong with an entry, as PutEvents answers it, or undefined. */
export function faultOfEntry({ source, detailType, detail }: EventEntry): Refusal | undefined {
  if (source === undefined || source === '') return missing('Source');
  if (detailType === undefined || detailType === '') return missing('DetailType');
  if (detail === undefined || detail === '') return missing('Detail');
  if (source.startsWith('aws.')) {
    return { errorCode: 'NotAuthorizedForSourceException', errorMessage: `Not authorized for the source ${source}.` };
  }
  if (detailType.length > maxDetailTypeCharacters) return tooLong('DetailType', maxDetailTypeCharacters);
  return source.length > maxSourceCharacters ? tooLong('Source', maxSourceCharacters) : undefined;
}

/** The detail's value, or undefined where it is not what PutEvents takes for one. */
export function parseDetail(text: string): JsonObject | undefined {
  if (nestingDepth(text) > deepestDetail) return undefined;
  try {
    const value = parseJson(text);
    if (!isJsonObject(value)) return undefined;
    return /\d{19}/.test(text) && findOversizeInteger(value) !== undefined ? undefined : value;
  } catch {
    return undefined;
  }
}

/**
 * What an entry counts: docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
 */
export function entrySizeBytes({
  source = '',
  detailType = '',
  detail = '',
  resources = [],
  time,
}: EventEntry): number {
  let size = time === undefined ? 0 : 14;
  size += Buffer.byteLength(source) + Buffer.byteLength(detailType) + Buffer.byteLength(detail);
  for (const resource of resources) size += Buffer.byteLength(resource);
  return size;
}

interface Origin {
  readonly region: string;
  readonly accountId: string;
}

// EventBridge reads a detail and prints it again. How it prints what JSON may hold raw or escaped is not documented: here
// it is raw, which is the hardest on what comes next, as SQS refuses some of these characters.
const needlessEscape = /\\(?:u(d[89a-f][\da-f]{2}|fff[ef])|.)/gi;

function printedAgain(detailText: string): string {
  if (!detailText.includes('\\u')) return detailText;
  return detailText.replace(needlessEscape, (found, hex?: string) =>
    hex === undefined ? found : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The event as JSON text, as targets get it. */
export function envelopeText(event: BusEvent, { region, accountId }: Origin, replayName?: string): string {
  const { id, source, detailType, resources, time, detailText } = event;
  const replay = replayName === undefined ? '' : `"replay-name":${JSON.stringify(replayName)},`;
  return `{"version":"0","id":"${id}","detail-type":${JSON.stringify(detailType)},"source":${JSON.stringify(source)},"account":"${accountId}","time":"${timeText(time)}","region":"${region}","resources":${JSON.stringify(resources)},${replay}"detail":${printedAgain(detailText)}}`;
}

/** The event as patterns see it. */
export function envelopeValue(
  { id, source, detailType, resources, time }: BusEvent,
  detail: JsonObject,
  { region, accountId }: Origin,
  replayName?: string,
): JsonObject {
  return {
    version: '0',
    id,
    'detail-type': detailType,
    source,
    account: accountId,
    time: timeText(time),
    region,
    resources: [...resources],
    ...(replayName === undefined ? {} : { 'replay-name': replayName }),
    detail,
  };
}

function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function missing(field: string): Refusal {
  return invalidArgument(field, `${field} is a required argument`);
}

function tooLong(field: string, limit: number): Refusal {
  return invalidArgument(field, `${field} must have at most ${limit} characters`);
}

function invalidArgument(field: string, reason: string): Refusal {
  return { errorCode: 'InvalidArgument', errorMessage: `Parameter ${field} is not valid. Reason: ${reason}.` };
}
