import { describe, expect, test } from 'vitest';
import { isHostNamed, refuseStranger } from '../../../../local/aws/wire/own-requests.ts';

describe('a request is let in', () => {
  test.each(['127.0.0.1:4400', 'localhost:4400', 'LOCALHOST:4400', '[::1]:4400', '127.1.2.3:4400'])(
    'by Host %s',
    (host) => {
      expect(refuseStranger({ host }, 4400)).toBeUndefined();
    },
  );

  test.each(['http://127.0.0.1:4400', 'http://localhost:4400'])('with Origin %s, its own', (origin) => {
    expect(refuseStranger({ host: 'localhost:4400', origin }, 4400)).toBeUndefined();
  });

  test('without a port where it is the one of HTTP', () => {
    expect(refuseStranger({ host: 'localhost' }, 80)).toBeUndefined();
    expect(refuseStranger({ host: 'localhost' }, 4400)).toContain('use 127.0.0.1:4400');
  });
});

describe('a request is refused, with the reason', () => {
  test.each([
    'evil.example',
    'evil.example:4400',
    '127.0.0.1:4401',
    'localhost.evil.example:4400',
    '127.0.0.1.evil.example:4400',
    'localhost:4400@evil.example',
    '169.254.169.254:4400',
    '',
  ])('by Host %j', (host) => {
    expect(refuseStranger({ host }, 4400)).toContain('Host');
  });

  test.each([
    'http://evil.example',
    'https://localhost:4400',
    'http://localhost:3000',
    'http://localhost:4400.evil.example',
    'null',
    '',
  ])('by Origin %j', (origin) => {
    expect(refuseStranger({ host: 'localhost:4400', origin }, 4400)).toContain('Origin');
  });

  test('without a Host', () => {
    expect(refuseStranger({}, 4400)).toBe('the request has no Host');
  });
});

test("a tunnel's name counts on whatever port, and nothing that only begins or ends like it", () => {
  const named = (host: string) => isHostNamed(host, ['X.tunnel.example']);
  expect(['x.tunnel.example', 'x.TUNNEL.example:443'].map(named)).toEqual([true, true]);
  expect(['y.x.tunnel.example', 'x.tunnel.example.evil.example', ''].map(named)).toEqual([false, false, false]);
});
