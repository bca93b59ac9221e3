/** What went wrong before a status came: no address, no connection, no TLS, no time, no HTTP, or not let out. */
const errorClasses = ['dns', 'connect', 'tls', 'timeout', 'protocol', 'refused'] as const;
export type ErrorClass = (typeof errorClasses)[number];
/** How an attempt that failed is counted: by a status other than those that deliver, or by why there was none. */
export const failureKinds = ['status', ...errorClasses] as const;
export type FailureKind = (typeof failureKinds)[number];

/** One attempt, as the sender saw it. */
export type AttemptResult = (
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
    }
) & {
  /** A kept connection turned out dead, so the request went out a second time. The receiver may have got both. */
  readonly resentOnFreshConnection?: true;
};

export type AttemptOutcome =
  | { readonly kind: 'delivered' }
  /** `notBefore` (epoch ms): the endpoint's `Retry-After`. `isRetryAfterCut`: it asked for more than we give. */
  | { readonly kind: 'retry'; readonly notBefore?: number; readonly isRetryAfterCut?: true }
  /** A retry, and nothing else goes to the endpoint before `untilEpochMs` either. */
  | { readonly kind: 'throttle'; readonly untilEpochMs: number; readonly isRetryAfterCut?: true }
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
  // The first, where a proxy has said it again.
  const control = headers[controlHeader]?.split(',')[0]?.trim().toLowerCase();
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
  const cut = retryAfter?.isCut ? { isRetryAfterCut: true as const } : {};
  const throttleSeconds = defaultThrottleSeconds[status];
  if (throttleSeconds !== undefined) {
    return { kind: 'throttle', untilEpochMs: retryAfter?.at ?? now + throttleSeconds * 1000, ...cut };
  }
  return retryAfter === undefined ? { kind: 'retry' } : { kind: 'retry', notBefore: retryAfter.at, ...cut };
}

/** What asks for more (a year, an epoch in the place of seconds) is a mistake, and would silence the endpoint. */
const maxRetryAfterSeconds = 24 * 60 * 60;

interface RetryAfter {
  /** Epoch ms. */
  readonly at: number;
  readonly isCut: boolean;
}

const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const time = '\\d\\d:\\d\\d:\\d\\d';
/** HTTP's three forms of a date (RFC 9110, 5.6.7); `Date.parse` alone takes much else. The last has no zone: UTC is meant. */
const httpDate = new RegExp(
  `^[A-Z][a-z]{2,8}(?:, \\d\\d[ -]${month}[ -]\\d{2,4} ${time} GMT| ${month} [ \\d]\\d ${time} \\d{4})$`,
);

/**
 * `Retry-After` as an instant: seconds or a date (RFC 9110, 10.2.3), at most a day ahead. Undefined where it is neither, or in
 * the past.
 */
export function parseRetryAfter(value: string | undefined, now: number): RetryAfter | undefined {
  const text = value?.trim() ?? '';
  const at = /^\d+$/.test(text)
    ? now + Number(text) * 1000
    : httpDate.test(text)
      ? Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`)
      : Number.NaN;
  if (!(at > now)) return undefined;
  const latest = now + maxRetryAfterSeconds * 1000;
  return at > latest ? { at: latest, isCut: true } : { at, isCut: false };
}
