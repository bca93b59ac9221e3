import type { FieldName } from '../lambdas/domain/subscriptions/subscription-fields.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../lambdas/json/json.ts';
import { ageText } from './age-text.ts';
import { type Cell, type Printer, shortTime } from './printer.ts';

/** Known fields in the order in which people look for them; a field that is not listed comes after them. */
const labels = {
  subscriptionId: 'Subscription',
  url: 'URL',
  description: 'Description',
  status: 'Status',
  disabled: 'Disabled',
  provisioning: 'Provisioning',
  reason: 'Reason',
  delivering: 'Delivering',
  queue: 'Queue',
  throttledUntil: 'Throttled until',
  circuit: 'Circuit',
  failingSince: 'Failing since',
  lastSuccessAt: 'Last recovery',
  eventTypes: 'Event types',
  orgIds: 'Organisations',
  filter: 'Filter',
  headers: 'Headers',
  maxConcurrency: 'Max. concurrency',
  maxBatchingWindowSeconds: 'Max. batching window, seconds',
  maxAttempts: 'Max. attempts',
  signingKeys: 'Signing keys',
  createdAt: 'Created',
  updatedAt: 'Updated',
  etag: 'Etag',
  publicKey: 'Public key',
  secret: 'Secret (shown once)',
} satisfies Record<FieldName, string> & Record<string, string>;
const labelOf = new Map(Object.entries(labels));
/** Said by `reason` or as notices already. */
const silent = new Set(['errors', 'warnings']);

export function subscriptionText(printer: Printer, subscription: JsonObject): string {
  const names = new Set([...labelOf.keys(), ...Object.keys(subscription)]);
  return printer.details(
    [...names]
      .filter((name) => !silent.has(name))
      .map((name) => [labelOf.get(name) ?? name, fieldText(name, subscription[name])] as const),
  );
}

export function subscriptionTable(printer: Printer, subscriptions: readonly JsonObject[]): string {
  return printer.table(
    ['SUBSCRIPTION', 'DESCRIPTION', 'STATUS', 'PROVISIONING', 'REASON', 'URL', 'EVENT TYPES'],
    subscriptions.map((subscription) => [
      String(subscription.subscriptionId),
      descriptionCell(subscription.description),
      String(subscription.status),
      String(subscription.provisioning),
      allOf(causes(subscription)),
      fieldText('url', subscription.url),
      fieldText('eventTypes', subscription.eventTypes),
    ]),
  );
}

/** Says nothing of the route: it stays until the next call, which may be minutes after the function was repaired. */
const failedCall = 'PROBLEM: Function call failed';

/** In force, and read from its queue where it delivers. What the system has stopped, and dead letters, are not about that. */
export function isInForce(subscription: JsonObject): boolean {
  const { status, provisioning } = subscription;
  const isRead = problemsOf(subscription).every((problem) => problem === failedCall);
  return status === 'rejected' || (provisioning === 'ready' && isRead);
}

/**
 * In force, delivering unless a person has paused it, to an endpoint that has not failed since it last took an event, read from its
 * queue then, and nothing with the dead letters.
 */
export function isHealthy(subscription: JsonObject): boolean {
  const { status, delivering, queue, failingSince } = subscription;
  const hasDeadLetters = isJsonObject(queue) && queue.deadLetters !== 0;
  const isStopped = status === 'rejected' || (delivering !== true && status !== 'paused');
  const isWell =
    isInForce(subscription) &&
    problemsOf(subscription).length === 0 &&
    !isFailing(status, failingSince) &&
    noQueueText(subscription) === undefined;
  return isWell && !isStopped && !hasDeadLetters;
}

/** Of one that is paused or disabled nothing is tried, so that its endpoint may be well by now. */
function isFailing(status: JsonValue | undefined, failingSince: JsonValue | undefined): boolean {
  return status === 'active' && failingSince !== undefined;
}

function problemsOf({ delivering, route }: JsonObject): readonly string[] {
  return delivering === true && isJsonObject(route) ? routeProblems(route) : [];
}

export function healthTable(printer: Printer, subscriptions: readonly JsonObject[]): string {
  return printer.table(
    [
      ...['SUBSCRIPTION', 'WELL', 'STATUS', 'PROVISIONING', 'DELIVERING', 'WAITING', 'OLDEST', 'IN FLIGHT'],
      ...['DEAD LETTERS', 'MAPPING', 'REASON'],
    ],
    subscriptions.map((subscription) => {
      const { subscriptionId, healthy, status, provisioning, delivering, queue, route } = subscription;
      const { waiting, inFlight, deadLetters } = isJsonObject(queue) ? queue : {};
      const { mapping, oldestSeconds } = isJsonObject(route) ? route : {};
      const count = (value: JsonValue | undefined) => (value === undefined ? undefined : String(value));
      return [
        String(subscriptionId),
        fieldText('healthy', healthy),
        String(status),
        String(provisioning),
        fieldText('delivering', delivering ?? false),
        count(waiting),
        typeof oldestSeconds === 'number' ? ageText(oldestSeconds) : undefined,
        count(inFlight),
        count(deadLetters),
        count(mapping),
        allOf([
          ...causes(subscription),
          noQueueText(subscription),
          failingText(subscription),
          ...problemsOf(subscription),
        ]),
      ];
    }),
  );
}

/** Why nothing reads its queue, though something should. */
function routeProblems({ mapping, problem, reservedConcurrency }: JsonObject): readonly string[] {
  return [
    typeof problem === 'string' ? problem : undefined,
    reservedConcurrency === 0
      ? 'its function has a concurrency of 0, so nothing runs; fanout reconcile lifts it'
      : undefined,
    mapping === 'missing' ? 'nothing reads its queue: it has no mapping; fanout reconcile makes one' : undefined,
    mapping === 'Disabled' ? 'its mapping was switched off by hand; fanout reconcile switches it on' : undefined,
  ].filter((text) => text !== undefined);
}

/** Of one that is shown by itself: a list has no queues. */
function noQueueText({ provisioning, queue }: JsonObject): string | undefined {
  return provisioning === 'ready' && queue === undefined
    ? 'its queue is gone, or cannot be read; fanout reconcile makes it again'
    : undefined;
}

/** Why it is not active and ready: all that holds. */
function causes(subscription: JsonObject): readonly (string | undefined)[] {
  const { status, provisioning, reason, disabled, circuit, throttledUntil, updatedAt } = subscription;
  const isUnexplained = provisioning === 'pending' && reason === undefined;
  return [
    typeof reason === 'string' ? reason : undefined,
    isUnexplained
      ? `being put in force${updatedAt === undefined ? '' : ` since ${shortTime(updatedAt)} UTC`}`
      : undefined,
    isJsonObject(disabled) ? String(disabled.reason) : undefined,
    status === 'paused' ? 'paused' : undefined,
    isJsonObject(circuit) ? `circuit ${String(circuit.state)} (${String(circuit.reason)})` : undefined,
    throttledUntil === undefined ? undefined : `throttled until ${shortTime(throttledUntil)} UTC`,
  ];
}

function allOf(reasons: readonly (string | undefined)[]): Cell {
  return reasons.filter((reason) => reason !== undefined).join('; ');
}

const shownOfDescription = 40;

/** In a table: enough to find a subscription by it. */
export function descriptionCell(description: JsonValue | undefined): Cell {
  if (typeof description !== 'string' || description.length <= shownOfDescription) return fieldText('', description);
  return `${description.slice(0, shownOfDescription - 1)}…`;
}

function failingText({ status, failingSince }: JsonObject): string | undefined {
  return isFailing(status, failingSince)
    ? `its endpoint fails: nothing was taken since ${shortTime(failingSince)} UTC`
    : undefined;
}

function fieldText(name: string, value: JsonValue | undefined): Cell {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return /(At|Since|Until)$/.test(name) ? `${shortTime(value)} UTC` : value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (name === 'orgIds' && Array.isArray(value)) return value.map((id) => JSON.stringify(id)).join(', ');
  if (name === 'signingKeys' && Array.isArray(value)) return value.filter(isJsonObject).map(keyText).join(', ');
  if (name === 'disabled' && isJsonObject(value)) return `${shortTime(value.at)} UTC: ${String(value.reason)}`;
  if (name === 'circuit' && isJsonObject(value)) {
    return `${String(value.state)} (${String(value.reason)}) since ${shortTime(value.since)} UTC, next probe ${shortTime(value.nextProbeAt)} UTC`;
  }
  if (name === 'queue' && isJsonObject(value)) {
    return `${String(value.waiting)} waiting, ${String(value.inFlight)} in flight or postponed, ${String(value.deadLetters)} dead letters`;
  }
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(', ');
  return JSON.stringify(value);
}

function keyText({ scheme, publicKey, expiresAt }: JsonObject): string {
  const key = publicKey === undefined ? String(scheme) : `${String(scheme)} ${String(publicKey)}`;
  return expiresAt === undefined ? key : `${key} (until ${shortTime(expiresAt)} UTC)`;
}
