import { styleText } from 'node:util';
import type { DriftPost } from './conversation.ts';
import type { DemoDelivery } from './demo-subscriber.ts';

const startedAt = Date.now();
const clock = (): string => styleText('dim', `${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`);

export const story = {
  starting: 'Starting the whole system from its CloudFormation template: no AWS account, nothing leaves this machine.',
  subscribed: (subscriptionId: string, eventTypes: readonly string[]): string =>
    `${clock()}  ${subscriptionId} gets ${eventTypes.join(', ')}`,
  narration: (line: string): string => `\n${clock()}  ${styleText('bold', line)}`,
};

export function postLine({ type, data }: DriftPost): string {
  const text =
    typeof data.body === 'string'
      ? `  ${data.body.replace(/<[^<>]*>/g, '')}`
      : data.status === 'closed'
        ? '  closed'
        : '';
  return `${clock()}  Drift      ──>  ${type}${styleText('dim', text)}`;
}

export function deliveryLine({ type, id, data, verified }: DemoDelivery): string {
  const cause = type === 'conversation_push' ? ` (${String(data.type)})` : '';
  const signature = verified ? styleText('green', 'signature verified') : styleText('red', 'SIGNATURE WRONG');
  return `${clock()}       ──>  subscriber   ${styleText('cyan', type)}${cause}  ${signature}  ${styleText('dim', id)}`;
}

export function summary(received: number, unverified: number, missing: readonly string[]): string {
  if (missing.length > 0) return `\nMissing: ${missing.join(', ')}`;
  if (unverified > 0) return `\n${unverified} of ${received} signatures could not be verified`;
  return `\n${received} deliveries, each signature verified. Next: npm start, and the README's first event.`;
}
