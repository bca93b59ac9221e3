import { checkAddress, type OutboundPolicy, parseAddress } from './outbound-address.ts';

export type UrlVerdict =
  | { readonly kind: 'allowed'; readonly url: URL }
  /** `message` completes "the url …" for the person who entered it. */
  | { readonly kind: 'refused'; readonly reason: UrlRefusal; readonly message: string };

export type UrlRefusal =
  | 'not-a-url'
  | 'too-long'
  | 'scheme'
  | 'credentials'
  | 'fragment'
  | 'port'
  | 'host'
  | 'forbidden-address';

export const maxUrlLength = 2048;
/** Names that lead into a network of one's own, whatever a resolver says (RFC 6761, 6762, 8375, ICANN's `internal`). */
const localNames = /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home\.arpa)$/;

/**
 * May a subscriber live at this url? Asked when the url is entered and again before each attempt. A name passes here
 * without being resolved: the addresses that it resolves to are checked when it is dialled.
 */
export function checkUrl(text: string, policy: OutboundPolicy): UrlVerdict {
  if (text.length > maxUrlLength) return refused('too-long', `is longer than ${maxUrlLength} characters`);
  // URL would quietly drop these, and what was checked would not be what was written.
  if (/[\s\p{Cc}\\]/u.test(text)) return refused('not-a-url', 'holds white space, a control character or a backslash');
  const url = URL.parse(text);
  if (url === null) return refused('not-a-url', 'is not an absolute URL');
  if (url.protocol !== 'https:' && !(policy === 'local' && url.protocol === 'http:')) {
    return refused('scheme', policy === 'local' ? 'must begin with https:// or http://' : 'must begin with https://');
  }
  if (url.username !== '' || url.password !== '')
    return refused('credentials', 'must not hold a user name or password');
  if (text.includes('#')) return refused('fragment', 'must not have a fragment (#…)');
  if (policy === 'public' && !isAllowedPort(url.port)) {
    return refused('port', `must use port 443 or one from 1024 up, not ${url.port}`);
  }
  return checkHost(url, policy);
}

/** Below 1024 other protocols listen; a receiver on https has no need of their ports. */
function isAllowedPort(port: string): boolean {
  return port === '' || port === '443' || Number(port) >= 1024;
}

function checkHost(url: URL, policy: OutboundPolicy): UrlVerdict {
  // WHATWG's parser has turned decimal, octal, hexadecimal, short and full-width spellings into plain addresses.
  const host = url.hostname.replace(/\.+$/, '').toLowerCase();
  if (host === '') return refused('host', 'has no host');
  // Such is no name, and WHATWG's parser does not see an address in it: `0x.0xfe..` would stay as it is.
  if (url.hostname.includes('..')) return refused('host', 'has a host with an empty part (two dots in a row)');
  if (parseAddress(host) !== undefined) {
    const verdict = checkAddress(host, policy);
    return verdict.kind === 'allowed'
      ? { kind: 'allowed', url }
      : refused('forbidden-address', `points to an address that is not public (${verdict.range})`);
  }
  if (host.startsWith('[')) return refused('forbidden-address', 'points to an address that is not public');
  if (policy === 'public' && (localNames.test(host) || !host.includes('.'))) {
    return refused('host', `points to ${host}, which is not a name of the public internet`);
  }
  return { kind: 'allowed', url };
}

function refused(reason: UrlRefusal, message: string): UrlVerdict {
  return { kind: 'refused', reason, message };
}
