/**
 * JSON that passes through EventBridge and SQS whatever its texts hold. SQS takes the characters of XML 1.0 only and
 * refuses a message that has U+FFFE, U+FFFF or half a surrogate pair; so does the dead-letter queue behind it, and the
 * event is gone. JSON's own escape is no way round: EventBridge reads the detail and prints it again, and nothing says
 * that it keeps an escape that it need not write. So these characters are spelled with others that everything carries.
 * Control characters need nothing: JSON knows no other way to write them than as escapes.
 */

/** Comes before four hexadecimal digits, or before itself. Texts hardly ever hold it, so filters see nearly all as it is. */
const mark = '\u241b';

const toSpell = /\\(?:u(d[89a-f][\da-f]{2}|fff[ef])|.)|[\ufffe\uffff\u241b]/gi;
const mayNeedSpelling = /[\ufffe\uffff\u241b]|\\u(?:d[89a-f]|fff[ef])/i;
const spelled = /\\(?!u241b).|(?:\u241b|\\u241b)(?:(\u241b|\\u241b)|(d[89a-f][\da-f]{2}|fff[ef]))/gi;
const mayBeSpelled = /\u241b|\\u241b/i;

/** `text` as `JSON.stringify` makes it, where half a surrogate pair is an escape and a whole one is none. */
export function queueSafeJson(text: string): string {
  if (!mayNeedSpelling.test(text)) return text;
  return text.replace(toSpell, (found, escaped?: string) => {
    if (escaped !== undefined) return mark + escaped.toLowerCase();
    if (found.startsWith('\\')) return found;
    return found === mark ? mark + mark : mark + found.charCodeAt(0).toString(16);
  });
}

/** The JSON that `queueSafeJson` was given: equal to it when parsed. */
export function originalJson(text: string): string {
  if (!mayBeSpelled.test(text)) return text;
  return text.replace(spelled, (found, twice?: string, hex?: string) =>
    twice !== undefined ? mark : hex !== undefined ? `\\u${hex}` : found,
  );
}

/** The first character of a text that travels in another spelling, as its code point: `U+FFFF`. The bus compares the spelling. */
export function firstSpelled(text: string): string | undefined {
  for (const character of text) {
    const json = JSON.stringify(character);
    if (queueSafeJson(json) !== json) return `U+${character.charCodeAt(0).toString(16).toUpperCase()}`;
  }
  return undefined;
}
