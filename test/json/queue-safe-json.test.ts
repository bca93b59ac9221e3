import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../lambdas/json/json.ts';
import { originalJson, queueSafeJson } from '../../lambdas/json/queue-safe-json.ts';

// What SQS documents for SendMessage: the characters of XML 1.0.
const takenBySqs = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u;
// EventBridge reads a detail and prints it again: here in the way that is hardest on us, without an escape that JSON does not demand.
const reprinted = (text: string): string =>
  text.replace(/\\\\|\\u(d[89a-f][\da-f]{2}|fff[ef])/gi, (found, hex?: string) =>
    hex === undefined ? found : String.fromCharCode(Number.parseInt(hex, 16)),
  );
// Or with an escape for all that is not ASCII, as some serialisers print.
const inAscii = (text: string): string =>
  text.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const hardText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\uffff', '\ufffe', '\ud83d', '\ude00', '\u241b', '\u0000', '\u001b', '\\', '\\u', 'ffff', '👋'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

describe('JSON on its way through the queues', () => {
  it.each(['\uffff', '\ufffe', '\ud83d', '\ude00', '\u241b', '\u241bffff', '\\uffff', '\\\uffff', '\u0000', '👋'])(
    'carries %j in a value and in a key',
    (character) => {
      const value = { [character]: character };
      const safe = queueSafeJson(JSON.stringify(value));
      for (const text of [safe, reprinted(safe), inAscii(safe)]) {
        expect(text).toMatch(takenBySqs);
        expect(parseJson(originalJson(text))).toEqual(value);
      }
    },
  );

  it('carries every text, however it is printed again', () => {
    fc.assert(
      fc.property(fc.dictionary(hardText, hardText), (value) => {
        const safe = queueSafeJson(JSON.stringify(value));
        for (const text of [safe, reprinted(safe), inAscii(safe)]) {
          expect(text).toMatch(takenBySqs);
          expect(JSON.stringify(parseJson(originalJson(text)))).toBe(JSON.stringify(value));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is left as it is where nothing needs care, so that filters see the texts that were sent', () => {
    const text = JSON.stringify({ body: 'Grüße 👋 \u2028 \u0000 \\ud83d', id: '\\uffff' });
    expect(queueSafeJson(text)).toBe(text);
    expect(originalJson(text)).toBe(text);
  });
});
