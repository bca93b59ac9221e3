import { type EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import type { Broadcast } from '../domain/events/derive.ts';
import { maxEventBytes } from '../domain/events/drift-post.ts';
import { queueSafeJson } from '../json/queue-safe-json.ts';
import type { EventPublisher, PublishOutcome } from '../ports/event-publisher.ts';

/** Limit of one PutEvents call. */
const maxEntriesPerCall = 10;
/** What PutEvents counts beside source, detail type and detail: "any necessary characters and keys of the JSON". */
const entryOverheadBytes = 300;
/** Waits before each further try of the entries that failed; the SDK retries failed calls by itself. */
const retryDelaysMs = [50, 200, 800];

interface Options {
  readonly client: EventBridgeClient;
  readonly eventBusName: string;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Puts broadcasts on an EventBridge bus. Reads `FailedEntryCount`: a call that succeeds can still lose entries. */
export function eventBridgePublisher({ client, eventBusName, sleep }: Options): EventPublisher {
  /** Why some were not taken; undefined: all were. */
  async function putAll(entries: PutEventsRequestEntry[], onPerhapsTaken: () => void): Promise<string | undefined> {
    let remaining = entries;
    for (let attempt = 0; ; attempt++) {
      const result = await client.send(new PutEventsCommand({ Entries: remaining }));
      // The SDK repeats a call whose answer was lost: what that one took, this answer does not say.
      const isRepeated = (result.$metadata?.attempts ?? 1) > 1;
      if (isRepeated || remaining.length > (result.FailedEntryCount ?? 0)) onPerhapsTaken();
      if ((result.FailedEntryCount ?? 0) === 0) return undefined;
      const failures = result.Entries ?? [];
      const failed = remaining.filter((_, index) => failures[index]?.ErrorCode !== undefined);
      const reason = failures.find((entry) => entry.ErrorCode !== undefined)?.ErrorCode ?? 'unknown';
      const delayMs = retryDelaysMs[attempt];
      if (delayMs === undefined) return reason;
      await sleep(delayMs);
      remaining = failed;
    }
  }

  return {
    async publish(broadcasts): Promise<PublishOutcome> {
      const sized = broadcasts.map((broadcast) => toEntry(broadcast, eventBusName));
      const oversize = sized.find(({ bytes }) => bytes > maxEventBytes);
      if (oversize !== undefined) return { kind: 'too-large', type: oversize.type, bytes: oversize.bytes };
      let isNothingTaken = true;
      try {
        for (const entries of callsOf(sized)) {
          const reason = await putAll(entries, () => {
            isNothingTaken = false;
          });
          if (reason !== undefined) return { kind: 'failed', reason, ...(isNothingTaken && { isNothingTaken }) };
        }
        return { kind: 'published' };
      } catch (error) {
        return { kind: 'failed', reason: String(error) };
      }
    },
  };
}

interface SizedEntry {
  readonly entry: PutEventsRequestEntry;
  readonly type: string;
  readonly bytes: number;
}

function toEntry({ source, detail }: Broadcast, eventBusName: string): SizedEntry {
  const text = queueSafeJson(JSON.stringify(detail));
  return {
    entry: { EventBusName: eventBusName, Source: source, DetailType: detail.type, Detail: text },
    type: detail.type,
    bytes: Buffer.byteLength(text) + Buffer.byteLength(source) + Buffer.byteLength(detail.type) + entryOverheadBytes,
  };
}

/** As few calls as the limits allow: nearly always one. */
function callsOf(entries: readonly SizedEntry[]): PutEventsRequestEntry[][] {
  const calls: PutEventsRequestEntry[][] = [];
  let bytesInCall = 0;
  for (const { entry, bytes } of entries) {
    const call = calls.at(-1);
    if (call === undefined || call.length === maxEntriesPerCall || bytesInCall + bytes > maxEventBytes) {
      calls.push([entry]);
      bytesInCall = bytes;
    } else {
      call.push(entry);
      bytesInCall += bytes;
    }
  }
  return calls;
}
