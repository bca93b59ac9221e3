import { PutTraceSegmentsCommand, type XRayClient } from '@aws-sdk/client-xray';
import { keptTraceOf } from '../contracts/trace.ts';
import type { AttemptTraces, TracedAttempt } from '../deliver/ports.ts';
import type { Log } from '../ports/telemetry.ts';

interface Options {
  readonly client: XRayClient;
  /** So many bytes as hexadecimal digits. */
  readonly randomHex: (bytes: number) => string;
  readonly log: Log;
}

/**
 * Each attempt as a segment of the message's own trace. Lambda would give a batch a trace of its own, recorded and paid for
 * once more, with links to those of its messages: docs/decisions/0051-attempts-join-the-trace-of-their-event.md.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
 */
export function xrayAttemptTraces({ client, randomHex, log }: Options): AttemptTraces {
  function documentOf(attempt: TracedAttempt): string | undefined {
    const trace = keptTraceOf(attempt.traceHeader);
    if (trace === undefined) return undefined;
    const { subscriptionId, webhookId, eventType, host, startedAt, result } = attempt;
    const span = { start_time: startedAt / 1000, end_time: (startedAt + result.durationMs) / 1000, ...flagsOf(result) };
    return JSON.stringify({
      trace_id: trace.traceId,
      ...(trace.parentId === undefined ? {} : { parent_id: trace.parentId }),
      id: randomHex(8),
      name: nodeName(`deliver ${subscriptionId}`),
      ...span,
      annotations: { subscriptionId, webhookId, eventType, attempt: attempt.attempt },
      subsegments: [
        {
          id: randomHex(8),
          name: nodeName(host),
          namespace: 'remote',
          ...span,
          http: {
            request: { method: 'POST', url: `https://${host}/` },
            ...(result.kind === 'answered' ? { response: { status: result.status } } : {}),
          },
          ...(result.kind === 'answered'
            ? {}
            : { cause: { exceptions: [{ id: randomHex(8), type: result.errorClass, message: result.message }] } }),
        },
      ],
    });
  }

  return {
    async record(attempts) {
      const documents = attempts.flatMap((attempt) => documentOf(attempt) ?? []);
      if (documents.length === 0) return;
      try {
        const { UnprocessedTraceSegments: refused = [] } = await client.send(
          new PutTraceSegmentsCommand({ TraceSegmentDocuments: documents }),
        );
        if (refused.length > 0)
          log.warn('X-Ray refused segments', { codes: refused.map(({ ErrorCode }) => ErrorCode) });
      } catch (error) {
        log.warn('could not write traces', { error });
      }
    },
  };
}

/** X-Ray tells the caller's mistakes (4xx) from faults of what was called. */
function flagsOf(result: TracedAttempt['result']): { error?: true; throttle?: true; fault?: true } {
  if (result.kind === 'failed' || result.status >= 500) return { fault: true };
  if (result.status === 429) return { error: true, throttle: true };
  return result.status >= 400 ? { error: true } : {};
}

/** At most 200 of the characters that a segment's name may have. */
function nodeName(text: string): string {
  return text.replace(/[^\p{L}\p{N}\p{Z}_.:/%&#=+\\\-@]/gu, '_').slice(0, 200);
}
