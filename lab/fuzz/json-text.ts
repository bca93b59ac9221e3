import fc from 'fast-check';

/** Numbers at the edges of what JSON, a double and 64 bits take. */
const oddNumbers = [
  '0 -0 -0.0 0.0 1.0 300.0 0.10 -0.5 1e3 1E+2 1e-7 0e0 -0e1 1e400 -1e400 0.0000001 0.000001 -0.0000001 100000000000000',
  '999999999999999 1000000000000000 123456789.12345 9007199254740991 9007199254740992 9007199254740993 -9007199254740993',
  '9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551616 1591813767000',
  '12345678901234567.5 0.30000000000000004 1.7976931348623159e308 5e-324 4.9e-324',
  '1'.repeat(40),
].flatMap((line) => line.split(' '));
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 22 });

export const numberText = fc.oneof(
  { weight: 3, arbitrary: fc.integer().map(String) },
  { weight: 3, arbitrary: fc.constantFrom(...oddNumbers) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '-'),
        digits,
        fc.option(digits, { nil: undefined }),
        fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), fc.nat(400)), { nil: undefined, freq: 3 }),
      )
      .map(
        ([sign, whole, fraction, exponent]) =>
          `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction === undefined ? '' : `.${fraction}`}${exponent?.join('') ?? ''}`,
      ),
  },
);

export const stringText = fc.oneof(
  fc
    .constantFrom('', 'a', '1e5', ':1.0', ', -0', '[9007199254740993]', '"', '\\', '\\"', '\u0000', '\ud83d')
    .map((text) => JSON.stringify(text)),
  fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => JSON.stringify(text)),
);

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\t', '\r ', '  ');

/** The text of any JSON value, with odd numbers, odd spaces and keys that come twice. */
export function jsonText(keyText: fc.Arbitrary<string> = stringText): fc.Arbitrary<string> {
  return fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      numberText,
      stringText,
      fc.constantFrom('null', 'true', 'false'),
      tie('list'),
      tie('object'),
    ),
    list: fc
      .tuple(space, fc.array(tie('value'), { maxLength: 4 }))
      .map(([gap, items]) => `[${gap}${items.join(`${gap},`)}${gap}]`),
    object: fc
      .tuple(space, fc.array(fc.tuple(keyText, tie('value')), { maxLength: 4 }))
      .map(([gap, members]) => `{${members.map(([key, value]) => `${gap}${key}:${gap}${value}`).join(',')}${gap}}`),
  })).value;
}

type Edit =
  | { readonly kind: 'insert'; readonly at: number; readonly text: string }
  | { readonly kind: 'delete' | 'repeat'; readonly at: number; readonly length: number };

/** `text` with a few edits: mostly wrong, and nearly right. */
export function damaged(text: fc.Arbitrary<string>, words: readonly string[]): fc.Arbitrary<string> {
  const at = fc.nat(9999);
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    fc.record({ kind: fc.constant('insert' as const), at, text: fc.constantFrom(...words) }),
    fc.record({ kind: fc.constantFrom('delete' as const, 'repeat' as const), at, length: fc.nat(6) }),
  );
  return fc
    .tuple(text, fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([whole, edits]) => edits.reduce(applyEdit, whole));
}

function applyEdit(text: string, edit: Edit): string {
  const at = edit.at % (text.length + 1);
  switch (edit.kind) {
    case 'insert':
      return text.slice(0, at) + edit.text + text.slice(at);
    case 'delete':
      return text.slice(0, at) + text.slice(at + edit.length);
    case 'repeat':
      return text.slice(0, at + edit.length) + text.slice(at);
    default:
      throw edit satisfies never;
  }
}

/** What stands in JSON, to be put where it does not belong. */
export const jsonWords = [...'{}[],:"\\-.01 \u0000\ufeff', 'e5', 'null', '\\u12'];
