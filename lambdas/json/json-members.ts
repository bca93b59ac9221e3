/**
 * The members of an object, each value as the JSON text that stands there: no digit, no escape and no order of keys is
 * changed. Of a key that comes twice the last counts, as for `JSON.parse`.
 */
export type MemberTexts = ReadonlyMap<string, string>;

/**
 * The members of the object that `text` is, and those of its member `name` if that is one too. Undefined where `text` is no
 * object or where `JSON.parse` would throw: all of it is checked, but nothing is built of it, which takes half of the time.
 */
export function memberTexts(
  text: string,
  name: string,
): { readonly outer: MemberTexts; readonly inner: MemberTexts | undefined } | undefined {
  const outer = new Map<string, string>();
  let inner: Map<string, string> | undefined;
  const end = readMembers(text, skipSpace(text, 0), (key, start) => {
    if (key !== name) return keepMember(text, key, start, outer);
    inner = undefined;
    if (text.charCodeAt(start) !== openingBrace) return keepMember(text, key, start, outer);
    const members = new Map<string, string>();
    inner = members;
    return readMembers(text, start, (innerKey, innerStart) => keepMember(text, innerKey, innerStart, members));
  });
  return end !== -1 && skipSpace(text, end) === text.length ? { outer, inner } : undefined;
}

/** The string that a JSON text is, or undefined where it is something else. */
export function stringOf(json: string | undefined): string | undefined {
  if (json === undefined || !json.startsWith('"')) return undefined;
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openingBracket = 0x5b;
const backslash = 0x5c;
const openingBrace = 0x7b;
const closingBrace = 0x7d;

const escaped = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

// From here on: each is given where something should begin, and says where it ends, or -1 where it is not there.

function keepMember(text: string, key: string, start: number, members: Map<string, string>): number {
  const end = endOfValue(text, start);
  if (end !== -1) members.set(key, text.slice(start, end));
  return end;
}

function readMembers(text: string, start: number, readValue: (key: string, start: number) => number): number {
  if (text.charCodeAt(start) !== openingBrace) return -1;
  let at = skipSpace(text, start + 1);
  if (text.charCodeAt(at) === closingBrace) return at + 1;
  for (;;) {
    const keyEnd = endOfString(text, at);
    const valueStart = startBehindColon(text, keyEnd);
    if (valueStart === -1) return -1;
    const end = readValue(stringOf(text.slice(at, keyEnd)) as string, valueStart);
    if (end === -1) return -1;
    at = skipSpace(text, end);
    const code = text.charCodeAt(at);
    if (code === closingBrace) return at + 1;
    if (code !== comma) return -1;
    at = skipSpace(text, at + 1);
  }
}

/** Without recursion: a text may be nested as deep as it is long. */
function endOfValue(text: string, start: number): number {
  const open: number[] = [];
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === openingBrace || code === openingBracket) {
      // As ASCII has it.
      const closing = code + 2;
      at = skipSpace(text, at + 1);
      if (text.charCodeAt(at) !== closing) {
        open.push(closing);
        if (closing === closingBrace) at = startBehindColon(text, endOfString(text, at));
        if (at === -1) return -1;
        continue;
      }
      at++;
    } else {
      at = code === quote ? endOfString(text, at) : endOf(scalar, text, at);
      if (at === -1) return -1;
    }
    // A value has ended: so may what it stands in.
    for (;;) {
      const closing = open.at(-1);
      if (closing === undefined) return at;
      at = skipSpace(text, at);
      const next = text.charCodeAt(at);
      if (next === comma) {
        at = skipSpace(text, at + 1);
        if (closing === closingBrace) at = startBehindColon(text, endOfString(text, at));
        if (at === -1) return -1;
        break;
      }
      if (next !== closing) return -1;
      open.pop();
      at++;
    }
  }
}

/** Where the value begins whose key ends at `keyEnd`. */
function startBehindColon(text: string, keyEnd: number): number {
  if (keyEnd === -1) return -1;
  const at = skipSpace(text, keyEnd);
  return text.charCodeAt(at) === colon ? skipSpace(text, at + 1) : -1;
}

function endOfString(text: string, start: number): number {
  if (text.charCodeAt(start) !== quote) return -1;
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code < 0x20) return -1;
    if (code === backslash) {
      const end = endOf(escaped, text, at);
      if (end === -1) return -1;
      at = end - 1;
    }
  }
  return -1;
}

function endOf(form: RegExp, text: string, start: number): number {
  form.lastIndex = start;
  return form.test(text) ? form.lastIndex : -1;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}
