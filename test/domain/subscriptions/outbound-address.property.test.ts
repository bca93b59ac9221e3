import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { bytesOf, hexOf, spelledV4 } from '../../../lab/fuzz/targets/addresses.ts';
import { checkAddress, forbiddenRanges } from '../../../lambdas/domain/subscriptions/outbound-address.ts';
import { checkUrl } from '../../../lambdas/domain/subscriptions/outbound-url.ts';

function firstAndLast(cidr: string): [string, string] {
  const [address, bits] = ipaddr.parseCIDR(cidr);
  const bytes = address.toByteArray();
  const edge = (fill: number) =>
    bytes.map((byte, index) => {
      const kept = Math.min(8, Math.max(0, bits - index * 8));
      const mask = (0xff << (8 - kept)) & 0xff;
      return (byte & mask) | (fill & ~mask & 0xff);
    });
  return [ipaddr.fromByteArray(edge(0)).toString(), ipaddr.fromByteArray(edge(0xff)).toString()];
}

const edges = forbiddenRanges.flatMap(([cidr, range]) =>
  firstAndLast(cidr).map((edge) => [edge, cidr, range] as const),
);
// NAT64's prefix lies within ::/8 and is checked by what it embeds.
const isNat64 = (address: string) => address.startsWith('64:ff9b::');

/** An IPv4 address within a forbidden range. */
const forbiddenV4 = fc
  .tuple(
    fc.constantFrom(...forbiddenRanges.map(([cidr]) => cidr).filter((cidr) => !cidr.includes(':'))),
    fc.integer({ min: 0, max: 0xffffffff }),
  )
  .map(([cidr, host]) => {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    const base = network.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
    return base + (host % 2 ** (32 - bits));
  });

const embedding = fc.constantFrom(
  (value: number) => `64:ff9b::${hexOf(value)}`,
  (value: number) => `0064:FF9B:0:0:0:0:${bytesOf(value).join('.')}`,
  (value: number) => `2002:${hexOf(value)}::1`,
  (value: number) => `::ffff:${hexOf(value)}`,
  (value: number) => `::ffff:${bytesOf(value).join('.')}`,
  (value: number) => `::${hexOf(value)}`,
  (value: number) => `2001:0:${hexOf(value)}::1`,
);

describe('the check of addresses', () => {
  it.each(edges.filter(([edge]) => !isNat64(edge)))('refuses %s, at the edge of %s (%s)', (edge) => {
    expect(checkAddress(edge, 'public').kind).toBe('refused');
  });

  // Written out a second time, so that a range that is lost from the table is missed here.
  it.each([
    ['0.0.0.0', '0.255.255.255'],
    ['10.0.0.0', '10.255.255.255'],
    ['100.64.0.0', '100.127.255.255'],
    ['127.0.0.0', '127.255.255.255'],
    ['169.254.0.0', '169.254.255.255'],
    ['172.16.0.0', '172.31.255.255'],
    ['192.0.0.0', '192.0.0.255'],
    ['192.0.2.0', '192.0.2.255'],
    ['192.31.196.0', '192.31.196.255'],
    ['192.52.193.0', '192.52.193.255'],
    ['192.88.99.0', '192.88.99.255'],
    ['192.168.0.0', '192.168.255.255'],
    ['192.175.48.0', '192.175.48.255'],
    ['198.18.0.0', '198.19.255.255'],
    ['198.51.100.0', '198.51.100.255'],
    ['203.0.113.0', '203.0.113.255'],
    ['224.0.0.0', '239.255.255.255'],
    ['240.0.0.0', '255.255.255.255'],
    ['168.63.129.16', '168.63.129.16'],
    ['::', '63:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
    ['65::', 'ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['100::', '100::ffff:ffff:ffff:ffff'],
    ['2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff'],
    ['3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('refuses %s and %s, the first and the last of a range that is not public', (first, last) => {
    expect([first, last].map((address) => checkAddress(address, 'public').kind)).toEqual(['refused', 'refused']);
  });

  it.each([
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::',
    '2001:db9::',
  ])('allows %s, which is just beside such a range', (address) => {
    expect(checkAddress(address, 'public').kind).toBe('allowed');
  });

  it('refuses forbidden IPv4 addresses in whatever spelling', () => {
    fc.assert(
      fc.property(spelledV4(forbiddenV4), (text) => {
        return (
          checkAddress(text, 'public').kind === 'refused' && checkUrl(`https://${text}/`, 'public').kind === 'refused'
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses IPv6 addresses that embed a forbidden one', () => {
    fc.assert(
      fc.property(forbiddenV4, embedding, (value, embed) => {
        const text = embed(value);
        return (
          checkAddress(text, 'public').kind === 'refused' && checkUrl(`https://[${text}]/`, 'public').kind === 'refused'
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees on public addresses with an independent reading of what is public', () => {
    const subnets = forbiddenRanges.flatMap(([cidr]) => (cidr.includes(':') ? [] : [ipaddr.parseCIDR(cidr)]));
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        const address = ipaddr.parse(text);
        const known = subnets.some((subnet) => address.match(subnet));
        const range = address.range();
        // The library's own table is a second opinion: what it knows to be special is never allowed.
        const allowed = checkAddress(text, 'public').kind === 'allowed';
        return allowed === !known && (range === 'unicast' || !allowed);
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses every IPv6 address outside of 2000::/3, and none of the library’s special ones', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = ipaddr.parse(text) as ipaddr.IPv6;
        const allowed = checkAddress(text, 'public').kind === 'allowed';
        const isGlobal = address.match(ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number]);
        return !allowed || (isGlobal && ['unicast', '6to4'].includes(address.range())) || isNat64(address.toString());
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '93.184.216.34',
    '2606:4700::1111',
    '2a00:1450:4001::200e',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ])('allows %s', (address) => {
    expect(checkAddress(address, 'public')).toEqual({ kind: 'allowed' });
  });

  it.each(['fe80::1%eth0', '2606:4700::1111%1', '', 'receiver.example', '1.2.3.4.5', '1.2.3.4/8', '::1::', '[::1'])(
    'refuses %j, which is no address that it could check',
    (text) => {
      expect(checkAddress(text, 'public')).toEqual({ kind: 'refused', range: 'not-an-address' });
    },
  );

  it.each([
    ['169.254.169.254', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['2002:a9fe:a9fe::1', '6to4-metadata'],
    ['64:ff9b::a00:1', 'nat64-private'],
    ['::ffff:8.8.8.8', 'ipv4-mapped'],
    ['::7f00:1', 'reserved'],
    ['4000::1', 'unassigned'],
  ])('says of %s that it is %s', (address, range) => {
    expect(checkAddress(address, 'public')).toEqual({ kind: 'refused', range });
  });

  it('lets loopback and private addresses through on a local run, and still no metadata service', () => {
    for (const address of ['127.0.0.1', '::1', '10.0.0.7', '192.168.1.1', 'fd12::1']) {
      expect(checkAddress(address, 'local').kind).toBe('allowed');
    }
    for (const address of ['169.254.169.254', 'fd00:ec2::254', '224.0.0.1', '0.0.0.0', '169.254.1.1']) {
      expect(checkAddress(address, 'local').kind).toBe('refused');
    }
  });
});
