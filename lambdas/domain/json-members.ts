const quote = 0x22;
const comma = 0x2c;
const openingBracket = 0x5b;
const backslash = 0x5c;
const closingBracket = 0x5d;
const openingBrace = 0x7b;
const closingBrace = 0x7d;

/**
 * The members of the object that is the member `name` of `object`: each value as the JSON text that stands there, so no
 * digit, no escape and no order of keys is changed. Of a key that comes twice the last counts, as for `JSON.parse`.
 * `JSON.parse` must have read both as objects before: nothing is checked here.
 */
export function memberTextsOf(object: string, name: string): ReadonlyMap<string, string> {
  let members = new Map<string, string>();
  walk(object, 0, (key, start) => {
    if (key !== name) return endOfValue(object, start);
    members = new Map();
    return walk(object, start, (innerKey, innerStart) => {
      const end = endOfValue(object, innerStart);
      members.set(innerKey, object.slice(innerStart, end).trim());
      return end;
    });
  });
  return members;
}

/** Tells of each member's key and of where its value begins; is told where that ends. Says where the object ends. */
function walk(text: string, start: number, readMember: (key: string, start: number) => number): number {
  let at = text.indexOf('{', start) + 1;
  for (;;) {
    while (at < text.length && text.charCodeAt(at) !== quote) {
      if (text.charCodeAt(at) === closingBrace) return at + 1;
      at++;
    }
    if (at >= text.length) return at;
    const keyEnd = endOfString(text, at);
    const key = text.slice(at + 1, keyEnd - 1);
    const valueStart = text.indexOf(':', keyEnd) + 1;
    at = readMember(key.includes('\\') ? (JSON.parse(`"${key}"`) as string) : key, valueStart);
  }
}

/** The comma or the bracket behind the value that begins at `start`, or the end of the text. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at) - 1;
        break;
      case openingBrace:
      case openingBracket:
        depth++;
        break;
      case comma:
        if (depth === 0) return at;
        break;
      case closingBrace:
      case closingBracket:
        if (depth === 0) return at;
        depth--;
        break;
    }
  }
  return text.length;
}

/** `start` is the opening quote; the answer lies behind the closing one. */
function endOfString(text: string, start: number): number {
  // Most strings are short: a call of indexOf for each takes longer.
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === backslash) at++;
  }
  return text.length;
}
