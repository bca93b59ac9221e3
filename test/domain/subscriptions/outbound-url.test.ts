import { describe, expect, it } from 'vitest';
import { checkUrl } from '../../../lambdas/domain/subscriptions/outbound-url.ts';

describe('the check of urls', () => {
  it.each([
    'https://receiver.example.com/hooks?tenant=1',
    'https://receiver.example.com:8443/',
    'https://xn--bcher-kva.example/hooks',
    'https://bücher.example/hooks',
    'https://receiver.example.com./hooks',
    'https://93.184.216.34/hooks',
    'https://[2606:4700::1111]/hooks',
  ])('allows %s', (url) => {
    expect(checkUrl(url, 'public').kind).toBe('allowed');
  });

  it.each([
    ['receiver.example.com/hooks', 'not-a-url'],
    ['', 'not-a-url'],
    ['https://', 'not-a-url'],
    ['https:// receiver.example.com/', 'not-a-url'],
    ['https://receiver.example.com/\n', 'not-a-url'],
    ['https://receiver.example.com\\@127.0.0.1/', 'not-a-url'],
    ['https://[fe80::1%25eth0]/', 'not-a-url'],
    [`https://receiver.example.com/${'a'.repeat(2048)}`, 'too-long'],
    ['http://receiver.example.com/', 'scheme'],
    ['ftp://receiver.example.com/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['https://user:secret@receiver.example.com/', 'credentials'],
    ['https://user@receiver.example.com/', 'credentials'],
    ['https://receiver.example.com/#part', 'fragment'],
    ['https://receiver.example.com/#', 'fragment'],
    ['https://receiver.example.com:22/', 'port'],
    ['https://receiver.example.com:80/', 'port'],
    ['https://localhost/', 'host'],
    ['https://LOCALHOST../', 'host'],
    ['https://api.localhost/', 'host'],
    ['https://printer.local/', 'host'],
    ['https://db.internal/', 'host'],
    ['https://metadata.google.internal/', 'host'],
    ['https://router/', 'host'],
    ['https://0x.0xfe../', 'host'],
    ['https://1681915903../', 'host'],
    ['https://receiver..example.com/', 'host'],
    ['https://127.0.0.1/', 'forbidden-address'],
    ['https://2130706433/', 'forbidden-address'],
    ['https://0x7f000001/', 'forbidden-address'],
    ['https://0177.0.0.1/', 'forbidden-address'],
    ['https://127.1/', 'forbidden-address'],
    ['https://127.0.0.1./', 'forbidden-address'],
    ['https://①②⑦.⓪.⓪.①/', 'forbidden-address'],
    ['https://%31%32%37.0.0.1/', 'forbidden-address'],
    ['https://169.254.169.254/latest/meta-data', 'forbidden-address'],
    ['https://[::1]/', 'forbidden-address'],
    ['https://[::ffff:127.0.0.1]/', 'forbidden-address'],
    ['https://[fd00:ec2::254]/', 'forbidden-address'],
  ])('refuses %s (%s)', (url, reason) => {
    expect(checkUrl(url, 'public')).toMatchObject({ kind: 'refused', reason });
  });

  it('lets http, loopback and any port through on a local run', () => {
    for (const url of ['http://127.0.0.1:80/', 'http://localhost:9000/hook', 'http://[::1]:9000/']) {
      expect(checkUrl(url, 'local').kind).toBe('allowed');
    }
    expect(checkUrl('http://169.254.169.254/', 'local').kind).toBe('refused');
  });

  it('says what is wrong in words that complete "the url"', () => {
    expect(checkUrl('http://receiver.example.com/', 'public')).toMatchObject({ message: 'must begin with https://' });
  });
});
