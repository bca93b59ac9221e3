import { type CompiledPattern, parseEventPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import { EngineError, validation } from './engine-error.ts';

export interface RuleInput {
  readonly name: string;
  readonly bus?: string | undefined;
  /** JSON text. */
  readonly eventPattern?: string | undefined;
  /** `rate(…)`; on the default bus only. */
  readonly scheduleExpression?: string | undefined;
  readonly state?: 'ENABLED' | 'DISABLED' | undefined;
  readonly description?: string | undefined;
}

export interface RuleDescription {
  readonly name: string;
  readonly arn: string;
  readonly busName: string;
  readonly eventPattern?: string;
  readonly scheduleExpression?: string;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly description?: string;
}

export interface RuleTarget {
  readonly id: string;
  readonly arn: string;
  /** Constant JSON text in place of the event. */
  readonly input?: string;
  readonly deadLetterArn?: string;
  /** 60 to 86,400, default 86,400. */
  readonly maximumEventAgeSeconds?: number;
  /** 0 to 185, default 185. */
  readonly maximumRetryAttempts?: number;
}

/** A rule as a bus keeps it. */
export interface Rule {
  readonly description: RuleDescription;
  readonly pattern: CompiledPattern | undefined;
  readonly targets: Map<string, RuleTarget>;
  readonly cancelSchedule: () => void;
}

// docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const maxPattern = 2048;
// docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
export const defaultRetryAttempts = 185;
export const defaultEventAgeSeconds = 86_400;

/** Throws `InvalidEventPatternException` that names the place. */
export function compilePattern(pattern: string): CompiledPattern {
  if (pattern.length > maxPattern) {
    throw validation(`Parameter EventPattern is not valid. Reason: it is longer than ${maxPattern} characters.`);
  }
  const parsed = parseEventPattern(pattern);
  if (parsed.kind === 'pattern') return parsed.pattern;
  const place = parsed.path === '' ? 'the pattern' : parsed.path;
  throw new EngineError(
    'InvalidEventPatternException',
    `Event pattern is not valid. Reason: ${place}: ${parsed.reason}.`,
  );
}

/** Throws `ValidationException`. */
export function checkTarget({
  id,
  arn,
  input,
  maximumEventAgeSeconds = 60,
  maximumRetryAttempts = 0,
}: RuleTarget): void {
  if (!/^[\w.-]{1,64}$/.test(id)) throw validation(`Parameter Id of a target is not valid: ${id}.`);
  if (!/^arn:aws:(sqs|lambda):[a-z0-9-]+:\d{12}:/.test(arn)) {
    throw validation(`Parameter ${arn} is not valid. Reason: here a target is a queue or a function.`);
  }
  if (input !== undefined) {
    try {
      JSON.parse(input);
    } catch {
      throw validation(`Parameter Input of target ${id} is not valid. Reason: it is not JSON.`);
    }
  }
  if (!(maximumEventAgeSeconds >= 60 && maximumEventAgeSeconds <= defaultEventAgeSeconds)) {
    throw validation(`Parameter MaximumEventAgeInSeconds of target ${id} must be 60 to ${defaultEventAgeSeconds}.`);
  }
  if (!(maximumRetryAttempts >= 0 && maximumRetryAttempts <= defaultRetryAttempts)) {
    throw validation(`Parameter MaximumRetryAttempts of target ${id} must be 0 to ${defaultRetryAttempts}.`);
  }
}
