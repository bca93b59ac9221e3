import { eventTypeWarnings } from '../lambdas/domain/subscriptions/event-type-warnings.ts';

/** What the API's texts advise, and the command that does it. */
const commands: readonly (readonly [RegExp, string])[] = [
  [/PATCH \/v1\/subscriptions\/(\S+) \{"status": "active"\}/g, 'fanout subscriptions resume $1'],
  [/POST \/v1\/subscriptions\/(\S+)\/deliveries\/(\S+)\/resend/g, 'fanout deliveries resend $1 $2'],
];

/** A text of the API for somebody who sits at the command line. */
export function inCommands(text: string): string {
  return commands.reduce((said, [request, command]) => said.replace(request, command), text);
}

/** What the API calls otherwise than the command line, where a time is given as `24h` and not in seconds. */
const ownNames: Readonly<Record<string, string>> = {
  quietPeriodSeconds: 'the quiet period',
  overlapSeconds: '--overlap',
  waitSeconds: '--timeout',
  periodSeconds: '--period',
  maxBatchingWindowSeconds: '--max-batching-window',
  replayName: '--replay',
};

/** What is wrong with a field, for somebody who has given it as an option. */
export function fieldInOptions(field: string, detail: string): string {
  const said = field.endsWith('Seconds') ? detail.replace(/\d+/g, (seconds) => durationText(Number(seconds))) : detail;
  return `${ownNames[field] ?? field} ${said}`;
}

/** As it can be given: `7d`, `90s`. */
function durationText(seconds: number): string {
  const [length, unit] = (
    [
      [86_400, 'd'],
      [3600, 'h'],
      [60, 'm'],
    ] as const
  ).find(([of]) => seconds >= of && seconds % of === 0) ?? [1, 's'];
  return `${seconds / length}${unit}`;
}

/** After `No events.`, of the event type that was asked for. */
export function typoHint(type: string | undefined): string {
  const [warning] = type === undefined ? [] : eventTypeWarnings([type]);
  return warning === undefined ? '' : ` ${warning.detail}`;
}
