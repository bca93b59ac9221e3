const rootForm = /(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)/;

/**
 * The id of a trace from X-Ray's tracing header, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=…;Sampled=1`; undefined
 * where the text is no such header.
 * Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
export function traceIdOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : rootForm.exec(header)?.[1];
}

/** Where something belongs that a trace with this header caused; undefined: X-Ray does not keep that trace. */
export function keptTraceOf(header: string): { readonly traceId: string; readonly parentId?: string } | undefined {
  const traceId = traceIdOf(header);
  if (traceId === undefined || !/(?:^|;)\s*Sampled=1(?:;|$)/.test(header)) return undefined;
  const parentId = /(?:^|;)\s*Parent=([0-9a-f]{16})(?:;|$)/.exec(header)?.[1];
  return parentId === undefined ? { traceId } : { traceId, parentId };
}
