import { validation } from './engine-error.ts';

const unitMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * The period of a rule's schedule, `rate(1 minute)`, in milliseconds. Throws `ValidationException`, also for `cron(…)`:
 * nothing here has one.
 * Forms: docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
export function schedulePeriodMs(expression: string): number {
  const [, digits = '', unit = '', plural] = /^rate\(([1-9]\d{0,8}) (minute|hour|day)(s?)\)$/.exec(expression) ?? [];
  const count = Number(digits);
  if (unit === '' || (count === 1) !== (plural === '')) {
    const reason = expression.startsWith('cron(')
      ? 'cron is not served here'
      : 'it must be like rate(1 minute) or rate(5 minutes), of minutes, hours or days';
    throw validation(`Parameter ScheduleExpression is not valid: ${expression}: ${reason}.`);
  }
  return count * unitMs[unit as keyof typeof unitMs];
}
