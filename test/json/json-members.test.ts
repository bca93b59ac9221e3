import { describe, expect, it } from 'vitest';
import { memberTexts, stringOf } from '../../lambdas/json/json-members.ts';

function membersOf(object: string): Record<string, string> | undefined {
  const inner = memberTexts(object, 'detail')?.inner;
  return inner && Object.fromEntries(inner);
}

it('cuts members out as they are written: digits, escapes, white space and the order of keys', () => {
  const data = '{ "z": 9007199254740993, "a" :[1.50,-0 , 1e400],"text":"Zoë \\u00e9 \\/ \\"}{][,:" }';
  const envelope = `{"version":"0","detail":{"orgId": 1.0 ,"data":${data},"last":null}, "resources":[]}`;
  expect(membersOf(envelope)).toEqual({ orgId: '1.0', data, last: 'null' });
});

it('takes the last of members that come twice, as JSON.parse does', () => {
  expect(membersOf('{"detail":{"a":1},"detail":{"b":1,"b":{"c":2}}}')).toEqual({ b: '{"c":2}' });
});

it('reads keys that are written with escapes', () => {
  expect(membersOf('{"d\\u0065tail":{"\\"\\\\":1,"or\\u0067Id":2}}')).toEqual({ '"\\': '1', orgId: '2' });
});

it('is not misled by a member of the same name further down, or by braces and quotes in texts', () => {
  const envelope = '{"a":{"detail":{"data":1}},"b":"\\\\","c":"\\"detail\\":{","detail":{"data":{"data":2}}}';
  expect(membersOf(envelope)).toEqual({ data: '{"data":2}' });
});

it('finds no members where there are none', () => {
  expect(membersOf('{}')).toBe(undefined);
  expect(membersOf(' {"detail": { } }\n')).toEqual({});
  expect(membersOf('{"other":{"a":1}}')).toBe(undefined);
  expect(membersOf('{"detail":{"a":1},"detail":[]}')).toBe(undefined);
});

it('finds the members around it too, the last of each', () => {
  const found = memberTexts('{"id":"x","detail":{"a":1}, "id" : [ 1 ] ,"n":1.0}', 'detail');
  expect(Object.fromEntries(found?.outer ?? [])).toEqual({ id: '[ 1 ]', n: '1.0' });
});

describe('takes what JSON.parse takes and refuses what it refuses', () => {
  const depth = 100_000;
  it.each([
    ...['', ' ', 'null', '[]', '"{}"', '1', '{', '}', '{}}', '{} x', '\ufeff{}', '{"a"}', '{"a":}', '{"a":1,}', '{,}'],
    ...['{"a":1 "b":2}', "{'a':1}", '{a:1}', '{"a":[1,]}', '{"a":[,1]}', '{"a":[1 2]}', '{"a":{"b":1]}', '{"a":[1}'],
    ...['{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"\\u1234"}', '{"a":"\\"}', '{"a":"\\\\"}', '{"a\n":1}'],
    ...[
      '{"a":01}',
      '{"a":-}',
      '{"a":1.}',
      '{"a":.5}',
      '{"a":+1}',
      '{"a":1e}',
      '{"a":1e+}',
      '{"a":0x1}',
      '{"a":-0.0E-0}',
    ],
    ...['{"a":tru}', '{"a":truee}', '{"a":NaN}', '{"a":undefined}', '{"a":null,"b":true,"c":false}', '{"a":1}\u00a0'],
    ...[
      '{ "a" : [ { } , [ ] , "" ] }',
      `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`,
      `{"a":${'{"b":'.repeat(depth)}`,
    ],
  ])('%s', (text) => {
    let read: unknown;
    try {
      read = JSON.parse(text);
    } catch {}
    const isObject = typeof read === 'object' && read !== null && !Array.isArray(read);
    expect(memberTexts(text, 'detail') !== undefined).toBe(isObject);
    if (isObject) expect(memberTexts(`{"detail":${text}}`, 'detail')?.inner).toBeDefined();
  });
});

it('a string is read as JSON.parse reads it, and nothing else is one', () => {
  expect(stringOf('"Zo\\u00eb \\"\\\\"')).toBe('Zoë "\\');
  expect(stringOf('""')).toBe('');
  for (const json of ['1', 'null', '["a"]', undefined]) expect(stringOf(json)).toBe(undefined);
});
