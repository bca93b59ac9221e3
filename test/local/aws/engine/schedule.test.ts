import { describe, expect, it } from 'vitest';
import { parseSchedule } from '../../../../local/aws/engine/schedule.ts';

function firings(expression: string, after: string, count: number, origin = after): string[] {
  const schedule = parseSchedule(expression);
  if (schedule.kind === 'invalid') throw new Error(schedule.reason);
  const instants: string[] = [];
  let at = Date.parse(after);
  for (let index = 0; index < count; index++) {
    const next = schedule.next(at, Date.parse(origin));
    if (next === undefined) break;
    at = next;
    instants.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
  }
  return instants;
}

describe('a schedule', () => {
  it('of a rate fires once a period, counted from when its rule was made', () => {
    expect(firings('rate(1 minute)', '2020-06-01T10:00:30.000Z', 2)).toEqual([
      '2020-06-01T10:01:30.000Z',
      '2020-06-01T10:02:30.000Z',
    ]);
    expect(firings('rate(2 hours)', '2020-06-01T13:30:00.000Z', 1, '2020-06-01T10:00:00.000Z')).toEqual([
      '2020-06-01T14:00Z',
    ]);
  });

  it.each([
    ['cron(0 12 * * ? *)', ['2020-06-01T12:00Z', '2020-06-02T12:00Z', '2020-06-03T12:00Z']],
    ['cron(0/30 10-11 * * ? *)', ['2020-06-01T10:30Z', '2020-06-01T11:00Z', '2020-06-01T11:30Z']],
    ['cron(15 9 ? * MON-WED *)', ['2020-06-02T09:15Z', '2020-06-03T09:15Z', '2020-06-08T09:15Z']],
    ['cron(0 0 ? * 1,SAT *)', ['2020-06-06T00:00Z', '2020-06-07T00:00Z', '2020-06-13T00:00Z']],
    ['cron(*/20 * * * ? *)', ['2020-06-01T10:20Z', '2020-06-01T10:40Z', '2020-06-01T11:00Z']],
    ['cron(0 0 31 * ? *)', ['2020-07-31T00:00Z', '2020-08-31T00:00Z', '2020-10-31T00:00Z']],
    ['cron(0 0 29 FEB ? *)', ['2024-02-29T00:00Z', '2028-02-29T00:00Z', '2032-02-29T00:00Z']],
    ['cron(0 0 1 1 ? 2021-2022)', ['2021-01-01T00:00Z', '2022-01-01T00:00Z']],
    ['cron(0 0 30 2 ? *)', []],
  ])('%s fires at %o', (expression, expected) => {
    expect(firings(expression, '2020-06-01T10:00:00.000Z', 3)).toEqual(expected);
  });

  it.each([
    'every minute',
    'rate(0 minutes)',
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(5 seconds)',
    'cron(0 12 * * *)',
    'cron(0 12 * * * *)',
    'cron(0 12 ? * ? *)',
    'cron(60 12 * * ? *)',
    'cron(0 12 L * ? *)',
    'cron(0 12 ? * 2#1 *)',
    'cron(0 12 1W * ? *)',
    'cron(0/0 12 * * ? *)',
    'cron(5-1 12 * * ? *)',
    'cron(*-5 12 * * ? *)',
  ])('is refused where it is not understood: %s', (expression) => {
    expect(parseSchedule(expression)).toMatchObject({ kind: 'invalid', reason: expect.stringMatching(/\S/) });
  });
});
