import { type Command, Option } from 'commander';
import { isJsonObject } from '../../lambdas/json/json.ts';
import { subscriptionPath } from '../api-path.ts';
import { durationSeconds, timeQuery } from '../option-values.ts';
import { shortTime } from '../printer.ts';
import type { CommandLine } from '../session.ts';
import { examples } from './examples.ts';

interface MetricsOptions {
  readonly since?: string;
  readonly from?: string;
  readonly to?: string;
  readonly period?: number;
}

export function registerSubscriptionMetrics(group: Command, line: CommandLine): void {
  group
    .command('metrics')
    .description('How many attempts succeeded and failed, how long events took, and how many waited, period by period')
    .argument('<subscriptionId>', 'the subscription, as subscriptions list shows it')
    .addOption(new Option('--since <time>', 'not older than this: 2h, or an instant (default: 3h)').conflicts('from'))
    .addOption(new Option('--from <time>', 'from this instant on: 2026-11-22T03:00:00Z, 2026-11-22, or 24h (ago)'))
    .addOption(new Option('--to <time>', 'up to this instant (default: now)'))
    .addOption(
      new Option(
        '--period <time>',
        'length of a period, 1m to 24h (default: such that there are at most 60)',
      ).argParser(durationSeconds),
    )
    .addHelpText(
      'after',
      examples(
        'fanout subscriptions metrics sub_… --since 2h',
        'fanout subscriptions metrics sub_… --from 2026-11-22 --to 2026-11-23 --period 1h',
        "fanout subscriptions metrics sub_… --json | jq '[.periods[].failed] | add'",
      ),
    )
    .action(async (id: string, options: MetricsOptions, command: Command) => {
      const { api, printer, surroundings } = await line.open(command);
      const { body } = await api.send({
        method: 'GET',
        path: subscriptionPath(id, '/metrics'),
        query: { ...timeQuery(options, surroundings.clock()), periodSeconds: options.period },
      });
      const periods = (Array.isArray(body.periods) ? body.periods : []).filter(isJsonObject);
      printer.result(body, () =>
        printer.table(
          ['FROM (UTC)', 'DELIVERED', 'FAILED', 'P50 MS', 'P95 MS', 'WAITING'],
          periods.map(({ at, delivered, failed, p50Ms, p95Ms, waiting }) => [
            shortTime(at),
            ...[delivered, failed, p50Ms, p95Ms, waiting].map((figure) =>
              figure === undefined ? undefined : String(figure),
            ),
          ]),
        ),
      );
      if (!periods.some(({ delivered, failed }) => Number(delivered) + Number(failed) > 0)) {
        printer.notice('Nothing was attempted in this time. Figures come about a minute late.');
      }
    });
}
