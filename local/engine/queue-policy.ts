/**
 * Whether a queue's access policy lets a service send to it. EventBridge drops, without a word to anybody, what a queue
 * does not allow: here it is an error that names the queue.
 */
export interface SendRequest {
  readonly queueArn: string;
  /** `events.amazonaws.com`. */
  readonly service: string;
  readonly sourceArn: string;
  readonly sourceAccount: string;
}

/** `policy`: JSON text of the attribute `Policy`; undefined: nobody but the account itself. */
export function allowsSend(policy: string | undefined, request: SendRequest): boolean {
  let statements: unknown[];
  try {
    const { Statement } = JSON.parse(policy ?? '{}') as { Statement?: unknown };
    statements = listOf(Statement);
  } catch {
    return false;
  }
  const applying = statements.filter((statement) => applies(statement as Statement, request));
  return (
    applying.some((statement) => (statement as Statement).Effect === 'Allow') &&
    !applying.some((statement) => (statement as Statement).Effect === 'Deny')
  );
}

interface Statement {
  readonly Effect?: string;
  readonly Principal?: unknown;
  readonly Action?: unknown;
  readonly Resource?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

function applies(statement: Statement, request: SendRequest): boolean {
  const { Principal: principal, Action: action, Resource: resource, Condition: conditions = {} } = statement;
  const service = (principal as { Service?: unknown } | undefined)?.Service;
  const anyone = principal === '*' || listOf((principal as { AWS?: unknown } | undefined)?.AWS).includes('*');
  if (!anyone && !listOf(service).includes(request.service)) return false;
  if (!listOf(action).some((name) => ['*', 'sqs:*', 'sqs:sendmessage'].includes(String(name).toLowerCase())))
    return false;
  if (!listOf(resource).some((pattern) => isLike(request.queueArn, String(pattern)))) return false;
  return Object.entries(conditions).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => holds(operator, key, listOf(wanted).map(String), request)),
  );
}

function holds(operator: string, key: string, wanted: readonly string[], request: SendRequest): boolean {
  const values: Record<string, string> = {
    'aws:sourcearn': request.sourceArn,
    'aws:sourceaccount': request.sourceAccount,
    'aws:securetransport': 'true',
  };
  const value = values[key.toLowerCase()];
  if (value === undefined) return false;
  switch (operator) {
    case 'ArnEquals':
    case 'ArnLike':
    case 'StringLike':
      return wanted.some((pattern) => isLike(value, pattern));
    case 'StringEquals':
    case 'Bool':
      return wanted.includes(value);
    default:
      throw new Error(`the condition ${operator} of a queue's policy is not known here`);
  }
}

/** `*` is any text, `?` any character. */
function isLike(value: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(value);
}

function listOf(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
