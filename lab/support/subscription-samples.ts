import type { FieldName } from '../../lambdas/domain/subscriptions/subscription-fields.ts';

/** Each field of a subscription with a value that is not its default. */
export const fieldSamples: Record<FieldName, unknown> = {
  url: 'https://other.example.com/',
  eventTypes: ['conversation_push'],
  orgIds: [7],
  filter: { status: ['closed'] },
  headers: { 'X-Tenant': 'acme' },
  description: 'the CRM',
  status: 'paused',
  maxConcurrency: 7,
  maxBatchingWindowSeconds: 30,
  maxAttempts: 3,
};
