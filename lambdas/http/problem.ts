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

const maxErrors = 10;
const maxFieldLength = 100;
const maxDetailLength = 300;

/** As many as a person reads. Who is wrong a thousand times would otherwise fill answers, items and log lines. */
export function firstErrors(errors: readonly FieldError[]): readonly FieldError[] {
  const shown = errors.slice(0, maxErrors).map(({ field, detail }) => ({
    field: cutText(field, maxFieldLength),
    detail: cutText(detail, maxDetailLength),
  }));
  const hidden = errors.length - shown.length;
  return hidden === 0 ? shown : [...shown, { field: '', detail: `and ${hidden} more` }];
}

export function cutText(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** One sentence of all field errors, for places that hold a single text: a state record, a log line. */
export function errorSentence(errors: readonly FieldError[]): string {
  return errors.map(({ field, detail }) => (field === '' ? detail : `${field}: ${detail}`)).join('; ');
}
