import * as z from 'zod/mini';
import { parseJson } from '../json/json.ts';
import type { SubscriptionMessage, TearDownMessage } from '../ports/control-queue.ts';
import type { CustomResourceRequest } from './ports.ts';

/** What woke the function, told apart by its shape. */
export type Trigger =
  /** The table's stream: which `config` records were written or deleted. */
  | { readonly kind: 'changes'; readonly changes: readonly ConfigChange[] }
  | { readonly kind: 'control'; readonly messages: readonly ReceivedMessage[] }
  | { readonly kind: 'reconcile-all' }
  | { readonly kind: 'sweep-due' }
  | { readonly kind: 'watch-routes' }
  | { readonly kind: 'deployment'; readonly request: CustomResourceRequest };

export interface ConfigChange {
  readonly subscriptionId: string;
  /** Its place in the stream. */
  readonly sequenceNumber: string;
  /** Epoch ms, where it made the item or changed its `url` or `status`, or resumed it. */
  readonly endpointChangedAt: number | undefined;
}

/** `message` undefined: it is none that we know. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly message: SubscriptionMessage | TearDownMessage | undefined;
}

const requestSchema = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  ResponseURL: z.string(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
});

// Not only what can be an id: somebody may have put anything into the table, and its state goes with it.
const subscriptionId = z.string().check(z.minLength(1));
const attempt = z.optional(z.int().check(z.gte(0)));
const endpointChangedAt = z.optional(z.number());
const messageSchema = z.union([
  z.object({
    subscriptionId,
    action: z.enum(['open-circuit', 'recovered', 'ramp', 'park', 'reconcile']),
    attempt,
    waits: attempt,
    hourly: z.optional(z.boolean()),
    endpointChangedAt,
  }),
  z.object({ subscriptionId, action: z.literal('probe'), dueAt: z.number(), attempt, waits: attempt }),
  z.object({ action: z.literal('tear-down') }),
]);

const image = z.optional(z.record(z.string(), z.unknown()));
const streamSchema = z.object({
  Records: z.array(
    z.object({
      eventSource: z.literal('aws:dynamodb'),
      dynamodb: z.object({
        SequenceNumber: z.string(),
        ApproximateCreationDateTime: z.optional(z.number()),
        OldImage: image,
        NewImage: image,
        Keys: z.object({ subscriptionId: z.object({ S: z.string() }) }),
      }),
    }),
  ),
});
const queueSchema = z.object({
  Records: z.array(z.object({ eventSource: z.literal('aws:sqs'), messageId: z.string(), body: z.string() })),
});
const scheduleSchema = z.object({ action: z.enum(['reconcile-all', 'sweep-due', 'watch-routes']) });

/** Throws on an event that nothing of this deployment sends. */
export function readTrigger(event: unknown): Trigger {
  const stream = streamSchema.safeParse(event);
  if (stream.success) {
    const changes = stream.data.Records.map(({ dynamodb }) => ({
      subscriptionId: dynamodb.Keys.subscriptionId.S,
      sequenceNumber: dynamodb.SequenceNumber,
      endpointChangedAt: endpointChangeOf(dynamodb),
    }));
    return { kind: 'changes', changes };
  }
  const queue = queueSchema.safeParse(event);
  if (queue.success) {
    const messages = queue.data.Records.map(({ messageId, body }) => ({ messageId, message: readMessage(body) }));
    return { kind: 'control', messages };
  }
  const schedule = scheduleSchema.safeParse(event);
  if (schedule.success) return { kind: schedule.data.action };
  const request = requestSchema.safeParse(event);
  if (request.success) return { kind: 'deployment', request: request.data };
  throw new Error('not a trigger of this function: neither stream, control queue, schedule nor Custom::Routes');
}

/** Two changes that lead back to where they began are two changes: only the stream has both. */
function endpointChangeOf({
  OldImage: before,
  NewImage: after,
  ApproximateCreationDateTime: epochSeconds,
}: {
  readonly OldImage?: Readonly<Record<string, unknown>> | undefined;
  readonly NewImage?: Readonly<Record<string, unknown>> | undefined;
  readonly ApproximateCreationDateTime?: number | undefined;
}): number | undefined {
  if (after === undefined || epochSeconds === undefined) return undefined;
  const isSame = before !== undefined && JSON.stringify(endpointOf(before)) === JSON.stringify(endpointOf(after));
  return isSame ? undefined : epochSeconds * 1000;
}

function endpointOf({ url, status = { S: 'active' }, resumedAt }: Readonly<Record<string, unknown>>): unknown {
  return [url, status, resumedAt];
}

function readMessage(body: string): SubscriptionMessage | TearDownMessage | undefined {
  try {
    return messageSchema.safeParse(parseJson(body)).data;
  } catch {
    return undefined;
  }
}
