import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { TimerQueue } from '../inactivity/ports.ts';

/** SQS's limit for SendMessageBatch. */
const messagesPerCall = 10;
const callsAtOnce = 8;

/** Timers as delayed SQS messages, `{"conversationKey": "<orgId>#<conversationId>", "dueAt": <epoch ms>}`. */
export function sqsTimerQueue(client: SQSClient, queueUrl: string): TimerQueue {
  return {
    async schedule(timers) {
      const calls: SendMessageBatchCommand[] = [];
      for (let start = 0; start < timers.length; start += messagesPerCall) {
        const entries = timers
          .slice(start, start + messagesPerCall)
          .map(({ conversationKey, dueAt, delaySeconds }, index) => ({
            Id: String(index),
            MessageBody: JSON.stringify({ conversationKey, dueAt }),
            DelaySeconds: delaySeconds,
          }));
        calls.push(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }));
      }
      let failed = 0;
      const worker = async (): Promise<void> => {
        for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
          failed += (await client.send(call)).Failed?.length ?? 0;
        }
      };
      await Promise.all(Array.from({ length: callsAtOnce }, worker));
      if (failed > 0) throw new Error(`${failed} of ${timers.length} timers could not be handed to the timers queue`);
    },
  };
}
