import { BlockList, isIP, isIPv4 } from 'node:net';
import fc from 'fast-check';
import {
  checkAddress,
  forbiddenRanges,
  type OutboundPolicy,
} from '../../../lambdas/domain/subscriptions/outbound-address.ts';
import { checkUrl } from '../../../lambdas/domain/subscriptions/outbound-url.ts';
import { type FuzzTarget, must } from '../fuzz-target.ts';
import { damaged } from '../json-text.ts';

/** Node's own reading of addresses and ranges: another parser and other arithmetic than ipaddr.js. */
const openLocally: readonly string[] = ['private', 'loopback', 'unique-local'];
const forbidden = {
  public: blockListsOf(forbiddenRanges.map(([cidr]) => cidr)),
  local: blockListsOf(
    forbiddenRanges.filter(([cidr, range]) => !openLocally.includes(range) && cidr !== '::/8').map(([cidr]) => cidr),
  ),
};
const open = blockListsOf(forbiddenRanges.filter(([, range]) => openLocally.includes(range)).map(([cidr]) => cidr));
const globalUnicast = blockListsOf(['2000::/3']);
const nat64 = blockListsOf(['64:ff9b::/96']);
const sixToFour = blockListsOf(['2002::/16']);

const v4Edges = forbiddenRanges
  .filter(([cidr]) => !cidr.includes(':'))
  .flatMap(([cidr]) => {
    const [address = '', bits = ''] = cidr.split('/');
    const first = numberOf(address);
    const size = 2 ** (32 - Number(bits));
    return [first - 1, first, first + size - 1, first + size].filter((edge) => edge >= 0 && edge < 2 ** 32);
  });
const v4 = fc.oneof(fc.constantFrom(...v4Edges), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const spelledNumber = fc.constantFrom(
  (part: number) => String(part),
  (part: number) => `0x${part.toString(16)}`,
  (part: number) => `0X${part.toString(16).toUpperCase()}`,
  (part: number) => `0${part.toString(8)}`,
  (part: number) => `000${part.toString(8)}`,
);
/** The spellings that C libraries and browsers take for an IPv4 address. */
export const spelledV4 = (address: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  fc
    .tuple(address, fc.integer({ min: 1, max: 4 }), spelledNumber, spelledNumber, fc.constantFrom('', '', '.'))
    .map(([value, parts, spellHead, spellTail, dot]) => {
      const bytes = bytesOf(value);
      const tail = bytes.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0);
      return [...bytes.slice(0, parts - 1).map(spellHead), spellTail(tail)].join('.') + dot;
    });

export const hexOf = (value: number): string =>
  `${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}`;
const group = fc.oneof(
  fc.constantFrom(...'0 0000 1 ffff FFFF fe80 fc00 fec0 ff02 2001 db8 0db8 64 ff9b 2002 3fff 5f00 100'.split(' ')),
  fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16)),
);
const v6Text = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(':')),
  fc
    .tuple(fc.array(group, { maxLength: 6 }), fc.array(group, { maxLength: 2 }))
    .map(([head, tail]) => `${head.join(':')}::${tail.join(':')}`),
  fc
    .tuple(
      fc.constantFrom('::', '::ffff:', '64:ff9b::', '64:ff9b:1::', '2001:0:', '::ffff:0:', 'fe80::', '2001:db8::'),
      v4,
      fc.boolean(),
    )
    .map(([prefix, value, dotted]) => `${prefix}${dotted ? bytesOf(value).join('.') : hexOf(value)}`),
  v4.map((value) => `2002:${hexOf(value)}::1`),
);
const address = fc.oneof(spelledV4(v4), v6Text);
const words = [...'.:0%[] \t/@#?。１\u00ad\u0000-', '::', '0x', '%25eth0', 'ffff', '127.0.0.1'];
const text = fc.oneof(
  { weight: 5, arbitrary: address },
  { weight: 3, arbitrary: damaged(address, words) },
  { weight: 1, arbitrary: fc.domain() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...'localhost LOCALHOST. a.internal x.local home.arpa metadata.google.internal example'.split(' '),
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
);
const urlParts = fc.tuple(
  fc.constantFrom(
    ...['https://', 'https://', 'HTTPS:', 'http://', 'https:\\\\', 'ftp://', '', 'https://user@', 'https://user:pass@'],
  ),
  fc.constantFrom('', '', '', ':443', ':22', ':1024', ':0443', ':65536'),
  fc.constantFrom('', '/', '/a?b=c', '#x', '/\n', '?q', '\\@127.0.0.1/', '@10.0.0.1/'),
);

export const addresses: FuzzTarget = {
  claim:
    'No spelling of an address or url leads to a place that is not public, as Node’s own parser and block list read it, and no address of the public internet is refused.',
  property: () => fc.property(text, urlParts, tryAddress) as fc.IRawProperty<unknown>,
};

export function tryAddress(spelled: string, [scheme, port, rest]: readonly [string, string, string]): void {
  for (const policy of ['public', 'local'] as const) {
    const verdict = checkAddress(spelled, policy);
    must(verdict.kind === 'allowed' || verdict.range !== '', 'refused without a range');
    for (const meant of readingsOf(spelled)) {
      must(
        isFree(meant, policy) || verdict.kind === 'refused',
        () => `${policy}: ${spelled} is ${meant}, and is allowed`,
      );
    }
    // An address in its usual spelling is an address to everybody.
    // (ipaddr.js reads `::0.0.0.1` as a mapped IPv4 address, and so the local run refuses it. No harm is done.)
    const isMappedLoopback = policy === 'local' && isIP(spelled) === 6 && spelled.includes('.');
    if (isIP(spelled) !== 0 && !spelled.includes('%') && !isMappedLoopback) {
      must(
        verdict.kind === (isFree(spelled, policy) ? 'allowed' : 'refused'),
        () => `${policy}: ${spelled} is ${verdict.kind}`,
      );
    }
    const bracketed = isIP(spelled) === 6 ? `[${spelled}]` : spelled;
    tryUrl(`${scheme}${bracketed}${port}${rest}`, policy);
    tryUrl(`https://${bracketed}/`, policy);
  }
}

function tryUrl(written: string, policy: OutboundPolicy): void {
  const verdict = checkUrl(written, policy);
  if (verdict.kind === 'refused') {
    must(verdict.message !== '', 'refused without a message');
    return;
  }
  const { url } = verdict;
  must(
    url.protocol === 'https:' || (policy === 'local' && url.protocol === 'http:'),
    () => `${written} has the scheme ${url.protocol}`,
  );
  must(url.username === '' && url.password === '' && url.hash === '', () => `${written} has credentials or a fragment`);
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
  must(host !== '', `${written} has no host`);
  for (const meant of readingsOf(host)) must(isFree(meant, policy), () => `${policy}: ${written} leads to ${meant}`);
  if (policy === 'public')
    must(isIP(host) !== 0 || /\.[^.]+$/.test(host), () => `${written} leads to the name ${host}`);
  const again = checkUrl(url.href, policy);
  must(
    again.kind === 'allowed' && again.url.href === url.href,
    () => `${url.href}, which it became, is checked otherwise`,
  );
}

/** The addresses for which a text may be taken by somebody who dials it: as it stands, and as browsers and C libraries do. */
function readingsOf(spelled: string): string[] {
  const bare = spelled.replace(/^\[(.*)\]$/, '$1');
  const found = isIP(bare) === 0 || bare.includes('%') ? [] : [bare];
  const host = URL.parse(`http://${isIP(bare) === 6 ? `[${bare}]` : bare}/`)?.hostname.replace(/^\[|\]$/g, '');
  // Text with a slash, an @ or the like is another url, whose host is not the text.
  if (host !== undefined && isIP(host) !== 0 && /^[\da-fxA-FX.:]+$/.test(bare)) found.push(host);
  return found;
}

function isFree(meant: string, policy: OutboundPolicy): boolean {
  if (isIPv4(meant)) return !holds(forbidden[policy], meant);
  // What these lead to. Their policy is the public one: no local run has such a path.
  if (holds(nat64, meant)) return !holds(forbidden.public, v6Bytes(meant).slice(12, 16).join('.'));
  if (holds(sixToFour, meant)) return !holds(forbidden.public, v6Bytes(meant).slice(2, 6).join('.'));
  if (policy === 'local' && isOpenLocally(meant)) return true;
  return !holds(forbidden.public, meant) && holds(globalUnicast, meant);
}

/** Loopback lies within `::/8`, all of which is reserved otherwise. */
function isOpenLocally(meant: string): boolean {
  return holds(open, meant) && !holds(forbidden.local, meant);
}

function v6Bytes(text: string): number[] {
  const canonical = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1) ?? '';
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = groups(tail);
  const middle = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...middle, ...after].flatMap((one) => {
    const value = Number.parseInt(one, 16);
    return [value >> 8, value & 0xff];
  });
}

/** One list for each family: a list takes an IPv4 address for the IPv6 address to which it can be mapped. */
type BlockLists = Readonly<Record<'ipv4' | 'ipv6', BlockList>>;

function blockListsOf(cidrs: readonly string[]): BlockLists {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const [network = '', bits = ''] = cidr.split('/');
    const family = network.includes(':') ? 'ipv6' : 'ipv4';
    lists[family].addSubnet(network, Number(bits), family);
  }
  return lists;
}

function holds(lists: BlockLists, address: string): boolean {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  return lists[family].check(address, family);
}

function numberOf(dotted: string): number {
  return dotted.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

export function bytesOf(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
}
