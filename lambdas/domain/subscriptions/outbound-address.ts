import ipaddr from 'ipaddr.js';

/** `public`: only addresses of the public internet. `local`: loopback and private ones too, for the run on one machine. */
export type OutboundPolicy = 'public' | 'local';

export type AddressVerdict =
  | { readonly kind: 'allowed' }
  /** `range` says what the address is: `private`, `loopback`, `metadata`, … or `not-an-address`. */
  | { readonly kind: 'refused'; readonly range: string };

/**
 * What is not the public internet. Source: IANA's registries of special-purpose addresses (IPv4 and IPv6), and the
 * metadata services that stand outside of them. The first range that holds an address names it.
 */
export const forbiddenRanges: readonly (readonly [cidr: string, range: string])[] = [
  ['169.254.169.254/32', 'metadata'],
  ['169.254.170.2/32', 'metadata'],
  ['168.63.129.16/32', 'metadata'],
  ['100.100.100.200/32', 'metadata'],
  ['0.0.0.0/8', 'this-network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'shared'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'protocol-assignments'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'as112'],
  ['192.52.193.0/24', 'amt'],
  ['192.88.99.0/24', 'reserved'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'as112'],
  ['198.18.0.0/15', 'benchmark'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
  ['fd00:ec2::254/128', 'metadata'],
  ['fd20:ce::254/128', 'metadata'],
  ['::1/128', 'loopback'],
  ['::/128', 'this-network'],
  ['::ffff:0:0/96', 'ipv4-mapped'],
  // The local NAT64 prefix embeds addresses of the network it stands in.
  ['64:ff9b:1::/48', 'nat64-local'],
  // NAT64's well-known prefix is in here too; it is checked by what it embeds, before this table.
  ['::/8', 'reserved'],
  ['100::/64', 'discard'],
  ['100:0:0:1::/64', 'discard'],
  ['2001::/32', 'teredo'],
  ['2001:2::/48', 'benchmark'],
  ['2001:db8::/32', 'documentation'],
  ['2001::/23', 'protocol-assignments'],
  ['2620:4f:8000::/48', 'as112'],
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'segment-routing'],
  ['fc00::/7', 'unique-local'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
];

const parsedRanges = forbiddenRanges.map(([cidr, range]) => ({ subnet: ipaddr.parseCIDR(cidr), range }));
const nat64 = ipaddr.parseCIDR('64:ff9b::/96');
const sixToFour = ipaddr.parseCIDR('2002::/16');
const globalUnicast = ipaddr.parseCIDR('2000::/3');
/** What the local run lets through. Metadata, link-local and multicast stay refused there too. */
const localRanges = new Set(['private', 'loopback', 'unique-local']);

/**
 * May this address be dialled? Takes an IPv4 or IPv6 address as text, in any spelling that a C library would take
 * (octal, hexadecimal, decimal and short forms, brackets, trailing dots). A zone id belongs to link-local addresses, so
 * one is always refused; so is text that is no address at all.
 */
export function checkAddress(text: string, policy: OutboundPolicy): AddressVerdict {
  const address = parseAddress(text);
  if (address === undefined) return { kind: 'refused', range: 'not-an-address' };
  const range = forbiddenRangeOf(address);
  if (range === undefined || (policy === 'local' && localRanges.has(range))) return { kind: 'allowed' };
  return { kind: 'refused', range };
}

/** The address as its usual text, or undefined where `text` is none. A zone id is kept from being one. */
export function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/\.+$/, '');
  // What has a letter that no IPv4 address has, and no colon, is a name. ipaddr.js would find out by throwing.
  if (/[^\da-fxA-FX.]/.test(bare) && !bare.includes(':')) return undefined;
  if (!ipaddr.isValid(bare)) return undefined;
  const address = ipaddr.parse(bare);
  return address instanceof ipaddr.IPv6 && address.zoneId !== undefined ? undefined : address;
}

function forbiddenRangeOf(address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  if (address instanceof ipaddr.IPv6) {
    const bytes = address.toByteArray();
    // Both are paths to an IPv4 address and are checked by it, since a network that has none of them drops the packet.
    if (isWithin(address, nat64)) return embedded('nat64', bytes.slice(12, 16));
    if (isWithin(address, sixToFour)) return embedded('6to4', bytes.slice(2, 6));
  }
  const found = parsedRanges.find(({ subnet }) => isWithin(address, subnet));
  if (found !== undefined) return found.range;
  // All that IANA has given out lies in 2000::/3; what lies outside is not assigned.
  return address instanceof ipaddr.IPv6 && !isWithin(address, globalUnicast) ? 'unassigned' : undefined;
}

function embedded(path: string, bytes: number[]): string | undefined {
  const range = forbiddenRangeOf(new ipaddr.IPv4(bytes));
  return range === undefined ? undefined : `${path}-${range}`;
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, subnet: [ipaddr.IPv4 | ipaddr.IPv6, number]): boolean {
  return address.kind() === subnet[0].kind() && address.match(subnet);
}
