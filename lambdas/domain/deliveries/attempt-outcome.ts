/** What went wrong before a status came: no address, no connection, no TLS, no time, no HTTP, or not let out. */
export type ErrorClass = 'dns' | 'connect' | 'tls' | 'timeout' | 'protocol' | 'refused';

/** One attempt, as the sender saw it. */
export type AttemptResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Lower-case names. A header that came several times is joined with `, `. */
      readonly headers: Readonly<Record<string, string>>;
      /** The first 4 KB. */
      readonly responseHead: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'failed';
      readonly errorClass: ErrorClass;
      /** For people: without urls, headers or bodies. */
      readonly message: string;
      readonly durationMs: number;
    };

export type AttemptOutcome =
  | { readonly kind: 'delivered' }
  /** `notBefore` (epoch ms): the endpoint's `Retry-After`. */
  | { readonly kind: 'retry'; readonly notBefore?: number }
  /** A retry, and nothing else goes to the endpoint before `untilEpochMs` either. */
  | { readonly kind: 'throttle'; readonly untilEpochMs: number }
  /** Nothing more goes to this endpoint; this event waits with the others, unless it was delivered. */
  | { readonly kind: 'disable'; readonly reason: string; readonly delivered: boolean }
  /** This event is not wanted. */
  | { readonly kind: 'discard'; readonly reason: string };

/** Overload without a `Retry-After`: a moment's rest for the endpoint. Its retry schedule goes on besides. */
const defaultThrottleSeconds: Readonly<Record<number, number>> = { 429: 30, 502: 10, 503: 10, 504: 10 };

/** `webhook-delivery` is a response header by which a receiver steers: `disable` or `abort-message`. */
const controlHeader = 'webhook-delivery';

/**
 * What an attempt's result means. Only 2xx is success: a redirect is not followed and is a failure like any other.
 * `now` in epoch ms.
 */
export function attemptOutcome(result: AttemptResult, now: number): AttemptOutcome {
  if (result.kind === 'failed') return { kind: 'retry' };
  const { status, headers } = result;
  const control = headers[controlHeader]?.trim().toLowerCase();
  const delivered = status >= 200 && status < 300;
  // A wish to be left alone counts with a success too; the event itself then was delivered.
  if (control === 'disable') {
    return { kind: 'disable', reason: 'the receiver asked for it (webhook-delivery: disable)', delivered };
  }
  if (delivered) return { kind: 'delivered' };
  if (control === 'abort-message') {
    return { kind: 'discard', reason: 'the receiver does not want it (webhook-delivery: abort-message)' };
  }
  if (status === 410) return { kind: 'disable', reason: 'the receiver is gone (status 410)', delivered };
  const retryAfter = parseRetryAfter(headers['retry-after'], now);
  const throttleSeconds = defaultThrottleSeconds[status];
  if (throttleSeconds !== undefined) {
    return { kind: 'throttle', untilEpochMs: retryAfter ?? now + throttleSeconds * 1000 };
  }
  return retryAfter === undefined ? { kind: 'retry' } : { kind: 'retry', notBefore: retryAfter };
}

const maxRetryAfterSeconds = 400 * 24 * 60 * 60;

/**
 * `Retry-After` as an instant in epoch ms: seconds, or one of HTTP's three forms of a date (RFC 9110, 10.2.3 and 5.6.7).
 * Undefined where it is neither, or in the past.
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) {
    const seconds = Math.min(Number(text), maxRetryAfterSeconds);
    return seconds > 0 ? now + seconds * 1000 : undefined;
  }
  const date = parseHttpDate(text, now);
  return date !== undefined && date > now ? Math.min(date, now + maxRetryAfterSeconds * 1000) : undefined;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const time = '(\\d{2}):(\\d{2}):(\\d{2})';
const imfFixdate = new RegExp(`^[A-Za-z]{3}, (\\d{2}) ([A-Za-z]{3}) (\\d{4}) ${time} GMT$`);
const rfc850 = new RegExp(`^[A-Za-z]{6,9}, (\\d{2})-([A-Za-z]{3})-(\\d{2}) ${time} GMT$`);
const asctime = new RegExp(`^[A-Za-z]{3} ([A-Za-z]{3}) ([ \\d]\\d) ${time} (\\d{4})$`);

function parseHttpDate(text: string, now: number): number | undefined {
  const fixed = imfFixdate.exec(text);
  if (fixed !== null) return utc(fixed[3], fixed[2], fixed[1], fixed.slice(4, 7));
  const old = rfc850.exec(text);
  if (old !== null) {
    // Two digits that seem to lie more than 50 years ahead mean the century before (RFC 9110).
    const thisYear = new Date(now).getUTCFullYear();
    const year = Math.floor(thisYear / 100) * 100 + Number(old[3]);
    return utc(String(year > thisYear + 50 ? year - 100 : year), old[2], old[1], old.slice(4, 7));
  }
  const unix = asctime.exec(text);
  return unix === null ? undefined : utc(unix[6], unix[1], unix[2], unix.slice(3, 6));
}

function utc(
  year: string | undefined,
  monthName: string | undefined,
  day: string | undefined,
  clock: readonly string[],
): number | undefined {
  const month = months.indexOf(monthName ?? '');
  const [hours, minutes, seconds] = clock.map(Number);
  const instant = Date.UTC(Number(year), month, Number(day), hours, minutes, seconds);
  return month === -1 || Number.isNaN(instant) ? undefined : instant;
}
