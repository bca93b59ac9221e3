/** What is wrong with one field of a request or an item. `field` is a path: `url`, `eventTypes[3]`, `filter.status[0].prefix`. */
export interface FieldError {
  readonly field: string;
  readonly detail: string;
}

/** A problem document, RFC 9457. Served as `application/problem+json`. */
export interface Problem {
  /** `about:blank`: the status says all there is to the type. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
}

export const problemContentType = 'application/problem+json';

export interface ProblemParts {
  readonly type?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
}

export function problem(status: number, title: string, { type, detail, errors }: ProblemParts = {}): Problem {
  return {
    type: type ?? 'about:blank',
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined || errors.length === 0 ? {} : { errors }),
  };
}

/** One sentence of all field errors, for places that hold a single text: a state record, a log line. */
export function errorSentence(errors: readonly FieldError[]): string {
  return errors.map(({ field, detail }) => (field === '' ? detail : `${field}: ${detail}`)).join('; ');
}
