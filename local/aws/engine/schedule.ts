/** A schedule of a rule: `rate(1 minute)` or `cron(0 12 ? * MON-FRI *)`, in UTC. */
export type ParsedSchedule =
  | {
      readonly kind: 'schedule';
      /**
       * The first instant after `after` at which it fires, epoch ms. A rate counts from `origin`, the instant its rule
       * was made. Undefined: never again.
       */
      readonly next: (after: number, origin: number) => number | undefined;
    }
  | { readonly kind: 'invalid'; readonly reason: string };

const unitMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Forms: docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html */
export function parseSchedule(expression: string): ParsedSchedule {
  const [, form, content = ''] = /^(rate|cron)\((.*)\)$/.exec(expression) ?? [];
  if (form === 'rate') return parseRate(content);
  if (form === 'cron') return parseCron(content);
  return invalid(`${JSON.stringify(expression)} is neither rate(...) nor cron(...)`);
}

function parseRate(content: string): ParsedSchedule {
  const [, digits = '', unit = '', plural] = /^([1-9]\d{0,8}) (minute|hour|day)(s?)$/.exec(content) ?? [];
  const count = Number(digits);
  if (unit === '' || (count === 1) !== (plural === '')) {
    return invalid(`rate(${content}): must be like "1 minute" or "5 minutes"; units are minute, hour and day`);
  }
  const periodMs = count * unitMs[unit as keyof typeof unitMs];
  return {
    kind: 'schedule',
    next: (after, origin) => origin + (Math.max(0, Math.floor((after - origin) / periodMs)) + 1) * periodMs,
  };
}

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names?: readonly string[];
}

const fields = [
  { name: 'minutes', least: 0, most: 59 },
  { name: 'hours', least: 0, most: 23 },
  { name: 'day-of-month', least: 1, most: 31 },
  {
    name: 'month',
    least: 1,
    most: 12,
    names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  { name: 'day-of-week', least: 1, most: 7, names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] },
  { name: 'year', least: 1970, most: 2199 },
] as const satisfies readonly Field[];

function parseCron(content: string): ParsedSchedule {
  const texts = content.split(' ');
  if (texts.length !== 6) return invalid(`cron(${content}): must have six fields, with one blank between two`);
  const sets: Set<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const set = parseField(texts[index] as string, field);
    if (typeof set === 'string') return invalid(`cron(${content}): ${field.name} ${set}`);
    sets.push(set);
  }
  if ((texts[2] === '?') === (texts[4] === '?')) {
    return invalid(`cron(${content}): exactly one of day-of-month and day-of-week must be ?`);
  }
  const [minutes, hours, days, months, weekdays, years] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  const lastYear = Math.max(...years);
  return {
    kind: 'schedule',
    next(after) {
      const start = new Date((Math.floor(after / 60_000) + 1) * 60_000);
      const day = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate()));
      for (; day.getUTCFullYear() <= lastYear; day.setUTCDate(day.getUTCDate() + 1)) {
        if (!years.has(day.getUTCFullYear()) || !months.has(day.getUTCMonth() + 1)) continue;
        if (!days.has(day.getUTCDate()) || !weekdays.has(day.getUTCDay() + 1)) continue;
        for (let minute = 0; minute < 1440; minute++) {
          if (!hours.has(Math.floor(minute / 60)) || !minutes.has(minute % 60)) continue;
          const at = day.getTime() + minute * 60_000;
          if (at >= start.getTime()) return at;
        }
      }
      return undefined;
    },
  };
}

/** The values that a field allows, or what is wrong with it. */
function parseField(text: string, { least, most, names = [], name }: Field): Set<number> | string {
  const isDay = name === 'day-of-month' || name === 'day-of-week';
  if (/[LW#]/.test(text.replace(/JUL/g, '').replace(/WED/g, ''))) return `${text}: L, W and # are not supported here`;
  if (text === '?' && isDay) return new Set(numbersFrom(least, most, 1));
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [, from = '', , until, , stepText] = /^(\*|\w+)(-(\w+))?(\/(\d+))?$/.exec(part) ?? [];
    const numberOf = (word: string): number => {
      const index = names.indexOf(word.toUpperCase());
      return index >= 0 ? index + least : /^\d+$/.test(word) ? Number(word) : Number.NaN;
    };
    const step = stepText === undefined ? 1 : Number(stepText);
    const first = from === '*' ? least : numberOf(from);
    const last = until !== undefined ? numberOf(until) : from === '*' || stepText !== undefined ? most : first;
    if (!(first >= least && last <= most && first <= last && step >= 1) || (from === '*' && until !== undefined)) {
      return `${JSON.stringify(part)} is not a value, list, range or step between ${least} and ${most}`;
    }
    for (const value of numbersFrom(first, last, step)) values.add(value);
  }
  return values;
}

function numbersFrom(first: number, last: number, step: number): number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

function invalid(reason: string): ParsedSchedule {
  return { kind: 'invalid', reason };
}
