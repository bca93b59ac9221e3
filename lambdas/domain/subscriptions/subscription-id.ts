import type { RandomBytes } from './signing-secret.ts';

/** Ends the name of a dead-letter queue, so no id may end with it: two queues would share a name. */
export const deadLetterSuffix = '-dlq';

/** 1 to 40 characters: with the longest prefix and suffix it still fits the names of rules and functions (64). */
export const subscriptionIdPattern = /^[A-Za-z0-9_-]{1,40}$/;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** `sub_` and 26 characters that cannot be mistaken for each other: 130 bits. */
export function newSubscriptionId(randomBytes: RandomBytes): string {
  return `sub_${Array.from(randomBytes(26), (byte) => alphabet[byte % alphabet.length]).join('')}`;
}

/** What is wrong with an id that a person chose, or undefined. */
export function subscriptionIdFault(id: string): string | undefined {
  if (!subscriptionIdPattern.test(id)) return 'must be 1 to 40 of A-Z a-z 0-9 _ -';
  return id.endsWith(deadLetterSuffix) ? `must not end with ${deadLetterSuffix}` : undefined;
}
