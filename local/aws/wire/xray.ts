import { Members } from './request-members.ts';
import type { AwsService } from './service.ts';

/** The segments that functions put, as X-Ray would keep them. */
export interface XraySegments {
  readonly service: AwsService;
  /** Oldest first; the oldest go where there are many. */
  list(): readonly XraySegment[];
}

export interface XraySegment {
  readonly trace_id: string;
  readonly id: string;
  readonly name: string;
  readonly start_time: number;
  readonly parent_id?: string;
  readonly [member: string]: unknown;
}

const maxKept = 5_000;
const maxDocumentBytes = 64 * 1024;

/** PutTraceSegments, as far as deliver needs it. https://docs.aws.amazon.com/xray/latest/api/API_PutTraceSegments.html */
export function createXraySegments(): XraySegments {
  const segments: XraySegment[] = [];
  return {
    service: {
      name: 'xray',
      operations: {
        PutTraceSegments: {
          takes: ['TraceSegmentDocuments'],
          answer(input) {
            const members = new Members(input);
            const documents = members.required('TraceSegmentDocuments', members.texts('TraceSegmentDocuments'));
            const refused = documents.flatMap((document) => {
              const segment = readSegment(document);
              if ('ErrorCode' in segment) return [segment];
              segments.push(segment);
              return [];
            });
            if (segments.length > maxKept) segments.splice(0, segments.length - maxKept);
            return { UnprocessedTraceSegments: refused };
          },
        },
      },
    },
    list: () => segments,
  };
}

/** X-Ray speaks REST: the path says what is asked for. */
export function isXrayCall(method: string, path: string): boolean {
  return method === 'POST' && path === '/TraceSegments';
}

function readSegment(
  document: string,
): XraySegment | { readonly Id?: string; readonly ErrorCode: string; readonly Message: string } {
  if (Buffer.byteLength(document) > maxDocumentBytes) {
    return { ErrorCode: 'DocumentTooLarge', Message: `A segment has at most ${maxDocumentBytes} bytes.` };
  }
  let parsed: Partial<XraySegment>;
  try {
    parsed = JSON.parse(document) as Partial<XraySegment>;
  } catch {
    return { ErrorCode: 'ParseError', Message: 'The segment is no JSON.' };
  }
  const { trace_id = '', id = '', name = '', start_time } = parsed;
  const isWhole =
    /^1-[0-9a-f]{8}-[0-9a-f]{24}$/.test(trace_id) &&
    /^[0-9a-f]{16}$/.test(id) &&
    /^[\p{L}\p{N}\p{Z}_.:/%&#=+\\\-@]{1,200}$/u.test(name) &&
    typeof start_time === 'number';
  if (isWhole) return { ...parsed, trace_id, id, name, start_time };
  return {
    Id: id,
    ErrorCode: 'MissingOrInvalidField',
    Message: 'trace_id, id, name or start_time is not as X-Ray takes it.',
  };
}
