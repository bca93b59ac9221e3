import type { FieldError } from '../../http/problem.ts';

/** Which headers a subscription may have sent with its deliveries, and which of them nobody is shown again. */

export const maxHeaders = 20;
const maxNameLength = 256;
const maxValueLength = 2048;

/** RFC 9110, 5.6.2. */
export const headerNamePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, with spaces and tabs inside. */
const valuePattern = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/;
/** Set by deliveries themselves, or about the connection and not the request. */
const reserved = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
]);

/** What is wrong with one header, or undefined. */
export function headerFault(headerName: string, headerValue: unknown): string | undefined {
  // `__proto__` would be a token; objects on the way of a header could lose it in silence.
  if (!headerNamePattern.test(headerName) || headerName.length > maxNameLength || headerName === '__proto__') {
    return 'is not a legal header name';
  }
  const lowerCase = headerName.toLowerCase();
  if (reserved.has(lowerCase) || lowerCase.startsWith('webhook-')) return 'is set by the delivery itself';
  if (typeof headerValue !== 'string') return 'must be a text';
  if (headerValue.length > maxValueLength) return `must have at most ${maxValueLength} characters`;
  return valuePattern.test(headerValue)
    ? undefined
    : 'must be visible ASCII characters, without white space around them';
}

/** What is wrong with a subscription's headers, field by field. */
export function headerErrors(headers: Readonly<Record<string, unknown>>): FieldError[] {
  const names = Object.keys(headers);
  const lowerCaseNames = names.map((headerName) => headerName.toLowerCase());
  const tooMany =
    names.length > maxHeaders ? [{ field: 'headers', detail: `must have at most ${maxHeaders} entries` }] : [];
  const each = names.flatMap((headerName, index) => {
    const isRepeated = lowerCaseNames.indexOf(headerName.toLowerCase()) !== index;
    const detail = headerFault(headerName, headers[headerName]) ?? (isRepeated ? 'is given more than once' : undefined);
    return detail === undefined ? [] : [{ field: `headers.${headerName}`, detail }];
  });
  return [...tooMany, ...each];
}

/** Stands for the value of a header that looks like a credential wherever headers are shown. */
export const headerMask = '********';

const credentialName =
  /(^|[-_])(authorization|auth|cookie|(api|access)?-?key|token|secret|signature|password|credentials?)$/i;

export function isCredentialHeader(headerName: string): boolean {
  return credentialName.test(headerName);
}

/** As people see them: a credential says that it is there and no more. */
export function maskedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([headerName, shown]) => [
      headerName,
      isCredentialHeader(headerName) ? headerMask : shown,
    ]),
  );
}

/** Headers as somebody sends them back who has read them masked: a mask stands for the value that is stored. */
export function unmaskedHeaders(
  given: Readonly<Record<string, string>>,
  stored: unknown,
):
  | { readonly kind: 'unmasked'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] } {
  const storedValues = new Map(
    Object.entries(typeof stored === 'object' && stored !== null ? stored : {}).map(([headerName, storedValue]) => [
      headerName.toLowerCase(),
      storedValue,
    ]),
  );
  const errors: FieldError[] = [];
  const headers = Object.entries(given).map(([headerName, givenValue]) => {
    if (givenValue !== headerMask || !isCredentialHeader(headerName)) return [headerName, givenValue] as const;
    const kept: unknown = storedValues.get(headerName.toLowerCase());
    if (typeof kept === 'string') return [headerName, kept] as const;
    errors.push({
      field: `headers.${headerName}`,
      detail: 'is the mask of a value that is not stored; send the value',
    });
    return [headerName, givenValue] as const;
  });
  return errors.length > 0 ? { kind: 'invalid', errors } : { kind: 'unmasked', headers: Object.fromEntries(headers) };
}
