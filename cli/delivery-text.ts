import type { JsonObject } from '../lambdas/json/json.ts';

/** How the last attempt went, in a few words: `503 in 12 ms`, `timeout: no answer within 15 s`. */
export function lastAnswer({ lastStatus, lastError, lastErrorMessage, durationMs, reason }: JsonObject): string {
  const answer =
    lastStatus !== undefined
      ? String(lastStatus)
      : [lastError, lastErrorMessage].filter((text) => text !== undefined).join(': ');
  const took = answer !== '' && durationMs !== undefined ? ` in ${String(durationMs)} ms` : '';
  return [`${answer}${took}`, reason === undefined ? '' : String(reason)].filter((text) => text !== '').join('; ');
}
