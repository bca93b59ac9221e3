import type { IncomingHttpHeaders } from 'node:http';

/**
 * Why a request is not let in, or undefined. A server that listens on loopback only is still open to every web page that
 * its owner looks at: a page may post across origins, and one whose name is pointed at 127.0.0.1 later (DNS rebinding) may
 * read the answers as well. A browser tells of both: by `Origin`, and by `Host`.
 */
export function refuseStranger(headers: IncomingHttpHeaders, port: number): string | undefined {
  const { host, origin } = headers;
  if (host === undefined) return 'the request has no Host';
  if (!isOwn(host, port)) {
    return `Host ${JSON.stringify(host)} is not a name of this machine with this port: use 127.0.0.1:${port} or localhost:${port}`;
  }
  if (origin === undefined || (origin.startsWith('http://') && isOwn(origin.slice('http://'.length), port))) {
    return undefined;
  }
  return `Origin ${JSON.stringify(origin)} is another one than http://${host}: a page of somebody else has no business here`;
}

/** A name that no DNS server has a say in, and the port: that of HTTP where none is given. */
function isOwn(host: string, port: number): boolean {
  const [, name, given = '80'] = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?$/i.exec(host) ?? [];
  return name !== undefined && Number(given) === port;
}

/** Whether `host` is one of these names, on whatever port. */
export function isHostNamed(host: string | undefined, names: readonly string[]): boolean {
  const name = host?.replace(/:\d{1,5}$/, '').toLowerCase();
  return name !== undefined && names.some((each) => each.toLowerCase() === name);
}
