import { expect, it } from 'vitest';
import { memberTextsOf } from '../../lambdas/domain/json-members.ts';

function membersOf(object: string): Record<string, string> {
  return Object.fromEntries(memberTextsOf(object, 'detail'));
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
  expect(membersOf('{}')).toEqual({});
  expect(membersOf('{"detail": { } }')).toEqual({});
  expect(membersOf('{"other":{"a":1}}')).toEqual({});
});

it('comes to an end with every text', () => {
  const envelope = '{"a":[1,{"b":"\\""}],"detail":{"data":{"c":"\\\\"},"d":[]}}';
  for (let length = 0; length <= envelope.length; length++) membersOf(envelope.slice(0, length));
});
