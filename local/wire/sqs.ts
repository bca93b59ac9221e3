import type { Queues } from '../engine/queue.ts';
import type { AwsService } from './service.ts';

/** `baseUrl`: where this endpoint answers, `http://127.0.0.1:4401`; read at each call, so the port may be known late. */
export function sqsService(_options: {
  readonly queues: Queues;
  readonly accountId: string;
  readonly baseUrl: () => string;
}): AwsService {
  throw new Error('not written yet');
}
