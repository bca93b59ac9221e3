import { canonicalJson, type JsonValue, parseJson } from '../../json/json.ts';
import {
  type DesiredRoute,
  descriptionOfChange,
  type FunctionSettings,
  type MappingSettings,
  type QueueAttributes,
  type RuleTarget,
} from './desired-route.ts';

/** What is there of one subscriber's route. */
export interface ExistingRoute {
  readonly rule?: ExistingRule;
  readonly queue?: QueueAttributes;
  readonly deadLetterQueue?: QueueAttributes;
  readonly deliverFunction?: ExistingFunction;
  /** More than one only where two runs met. Those that are being deleted are not listed. */
  readonly mappings: readonly ExistingMapping[];
}

export interface ExistingRule {
  readonly pattern: string;
  readonly enabled: boolean;
  readonly targets: readonly (Partial<RuleTarget> & { readonly id: string })[];
}

export type ExistingFunction = Omit<
  FunctionSettings,
  'code' | 'architecture' | 'tracingMode' | 'systemLogLevel' | 'recursiveLoop'
> & {
  readonly tracingMode: string;
  readonly systemLogLevel: string;
  readonly recursiveLoop: string;
  /** It could not be made: it is deleted and made again. */
  readonly failed: boolean;
};

export interface ExistingMapping extends Omit<MappingSettings, 'enabled'> {
  readonly mappingId: string;
  /** Undefined while the control plane does not say which way it is going: then it is set again. */
  readonly enabled: boolean | undefined;
  /** Epoch ms of its last change, or change of state. */
  readonly modifiedAt?: number;
  /** What its last look at the queue came to, in Lambda's words. */
  readonly lastResult?: string;
}

/** One call, idempotent: done twice it leaves what done once leaves. */
export type RouteAction =
  | {
      readonly kind: 'create-queue' | 'set-queue-attributes';
      readonly name: string;
      readonly attributes: QueueAttributes;
    }
  | { readonly kind: 'put-rule'; readonly name: string; readonly pattern: string }
  | { readonly kind: 'put-target'; readonly rule: string; readonly target: RuleTarget }
  | { readonly kind: 'remove-targets'; readonly rule: string; readonly targetIds: readonly string[] }
  | { readonly kind: 'create-function'; readonly name: string; readonly settings: FunctionSettings }
  /** Leaves all else that it is set to as it is. */
  | { readonly kind: 'update-function-description'; readonly name: string; readonly description: string }
  | { readonly kind: 'update-function-code'; readonly name: string; readonly settings: FunctionSettings }
  | { readonly kind: 'update-function-settings'; readonly name: string; readonly settings: FunctionSettings }
  /** Of a function that is part of a loop on purpose. */
  | { readonly kind: 'allow-loops'; readonly name: string }
  | {
      readonly kind: 'create-mapping';
      readonly queueArn: string;
      readonly functionName: string;
      readonly settings: MappingSettings;
    }
  | { readonly kind: 'update-mapping'; readonly mappingId: string; readonly settings: MappingSettings }
  | { readonly kind: 'delete-mapping'; readonly mappingId: string }
  | { readonly kind: 'delete-rule' | 'delete-function' | 'delete-queue'; readonly name: string };

/** The id of a rule's one target. */
export const ruleTargetId = 'queue';

/**
 * From what is there to what is wanted. The order is the safe one: the queues before the rule that fills them, so that
 * nothing is lost from the rule's first event on; the function and its mapping last, because what waits in the queue
 * waits for 14 days. A pause comes first of all.
 */
export function planRoute(desired: DesiredRoute, existing: ExistingRoute): RouteAction[] {
  const stale = existing.mappings.filter((mapping) => readsFormerQueue(mapping, existing.queue));
  const mapping = planMapping(
    desired,
    existing.mappings.filter((one) => !stale.includes(one)),
  );
  const pauses = !desired.mapping.enabled;
  return [
    ...(pauses ? mapping.existing : []),
    // Before the queue is made again: afterwards nobody could tell.
    ...stale.map(({ mappingId }) => ({ kind: 'delete-mapping', mappingId }) as const),
    ...planQueue(desired.names.deadLetterQueue, desired.deadLetterQueue, existing.deadLetterQueue),
    ...planQueue(desired.names.queue, desired.queue, existing.queue),
    ...planRule(desired, existing.rule),
    ...planFunction(desired, existing.deliverFunction),
    ...(pauses ? [] : mapping.existing),
    ...mapping.missing,
  ];
}

/** An update that was done and is planned again all the same: AWS did not keep what was written, or gives it back otherwise. */
export interface RepeatedUpdates {
  /** The difference's canonical JSON, hashed by who keeps it. */
  readonly fingerprint: string;
  readonly times: number;
  /** Epoch ms of the last time. */
  readonly at: number;
}

const maxRepeats = 3;
const repeatAgainAfterMs = 24 * 60 * 60 * 1000;

/** Those updates of a plan that leave no trace where AWS does not keep them. What makes, deletes or steers a flow is none. */
export function idleUpdates(plan: readonly RouteAction[]): RouteAction[] {
  return plan.filter(({ kind }) => kind === 'update-function-settings' || kind === 'set-queue-attributes');
}

/** What those updates are to replace, and by what: where somebody else has written meanwhile it is another difference. */
export function differenceOf(
  updates: readonly RouteAction[],
  names: DesiredRoute['names'],
  existing: ExistingRoute,
): readonly unknown[] {
  return updates.map((update) => {
    if (update.kind !== 'set-queue-attributes') return { update, found: existing.deliverFunction };
    const found = update.name === names.queue ? existing.queue : existing.deadLetterQueue;
    return { update, found: Object.keys(update.attributes).map((key) => found?.[key] ?? '') };
  });
}

/** Whether the same updates were done often enough, run after run, to be left alone for a day. */
export function isStubborn(repeated: RepeatedUpdates | undefined, fingerprint: string, now: number): boolean {
  return (
    repeated?.fingerprint === fingerprint && repeated.times >= maxRepeats && now - repeated.at < repeatAgainAfterMs
  );
}

/** Takes all away: the rule first, so that nothing flows into what is about to go. */
export function planRemoval(names: DesiredRoute['names'], existing: ExistingRoute): RouteAction[] {
  const { rule } = existing;
  return [
    ...(rule === undefined || rule.targets.length === 0
      ? []
      : [{ kind: 'remove-targets', rule: names.rule, targetIds: rule.targets.map(({ id }) => id) } as const]),
    ...(rule === undefined ? [] : [{ kind: 'delete-rule', name: names.rule } as const]),
    ...existing.mappings.map(({ mappingId }) => ({ kind: 'delete-mapping', mappingId }) as const),
    ...(existing.deliverFunction === undefined
      ? []
      : [{ kind: 'delete-function', name: names.deliverFunction } as const]),
    ...(existing.queue === undefined ? [] : [{ kind: 'delete-queue', name: names.queue } as const]),
    ...(existing.deadLetterQueue === undefined ? [] : [{ kind: 'delete-queue', name: names.deadLetterQueue } as const]),
  ];
}

/**
 * For an item that makes no sense any more. A route that is whole, or was in force, is held: its rule goes on filling the
 * queue, where events wait for the item to be put right, and nothing is delivered. Of one that was in force a part may be
 * missing just then, and events wait all the same. What was never good goes.
 */
export function planHold(
  names: DesiredRoute['names'],
  existing: ExistingRoute,
  { wasInForce }: { readonly wasInForce: boolean },
): RouteAction[] {
  return wasInForce || isWhole(existing) ? existing.mappings.flatMap(disabled) : planRemoval(names, existing);
}

export function isWhole({ rule, queue, deadLetterQueue, deliverFunction, mappings }: ExistingRoute): boolean {
  return (
    rule !== undefined &&
    rule.targets.length > 0 &&
    queue !== undefined &&
    deadLetterQueue !== undefined &&
    deliverFunction !== undefined &&
    !deliverFunction.failed &&
    mappings.length > 0
  );
}

function disabled(mapping: ExistingMapping): RouteAction[] {
  const { mappingId, enabled } = mapping;
  if (enabled === false) return [];
  return [{ kind: 'update-mapping', mappingId, settings: { ...settingsOf(mapping), enabled: false } }];
}

function planQueue(name: string, attributes: QueueAttributes, existing: QueueAttributes | undefined): RouteAction[] {
  if (existing === undefined) return [{ kind: 'create-queue', name, attributes }];
  const same = Object.entries(attributes).every(([key, value]) => sameAttribute(value, existing[key]));
  return same ? [] : [{ kind: 'set-queue-attributes', name, attributes }];
}

function planRule({ names, rule }: DesiredRoute, existing: ExistingRule | undefined): RouteAction[] {
  const { target, pattern } = rule;
  const isPut = existing?.enabled === true && sameJson(pattern, existing.pattern);
  const strays = (existing?.targets ?? []).filter(({ id }) => id !== ruleTargetId).map(({ id }) => id);
  const own = existing?.targets.find(({ id }) => id === ruleTargetId);
  const isTargeted = own?.queueArn === target.queueArn && own.deadLetterArn === target.deadLetterArn;
  return [
    ...(isPut ? [] : [{ kind: 'put-rule', name: names.rule, pattern } as const]),
    // First: a rule takes five targets, and they may leave no room.
    ...(strays.length === 0 ? [] : [{ kind: 'remove-targets', rule: names.rule, targetIds: strays } as const]),
    ...(isTargeted ? [] : [{ kind: 'put-target', rule: names.rule, target } as const]),
  ];
}

function planFunction(
  { names, deliverFunction: settings }: DesiredRoute,
  existing: ExistingFunction | undefined,
): RouteAction[] {
  const name = names.deliverFunction;
  const make: RouteAction[] = [
    { kind: 'create-function', name, settings },
    { kind: 'allow-loops', name },
  ];
  if (existing === undefined) return make;
  if (existing.failed) return [{ kind: 'delete-function', name }, ...make];
  const { code: _, architecture: __, recursiveLoop, ...wanted } = settings;
  const { failed: ___, recursiveLoop: loopNow, ...there } = existing;
  // The description names the code, and is written after it: a crash between the two repeats the first. It is taken back before:
  // a run of a former deployment that ended after its code would else leave the name of the latest.
  const changing = descriptionOfChange(names);
  const isNamed = there.description !== changing;
  const takeBack = { kind: 'update-function-description', name, description: changing } as const;
  const change = { kind: 'update-function-code', name, settings } as const;
  return [
    ...(wanted.description === there.description ? [] : [...(isNamed ? [takeBack] : []), change]),
    ...(canonicalJson(wanted as unknown as JsonValue) === canonicalJson(there as unknown as JsonValue)
      ? []
      : [{ kind: 'update-function-settings', name, settings } as const]),
    ...(recursiveLoop === loopNow ? [] : [{ kind: 'allow-loops', name } as const]),
  ];
}

/**
 * A mapping outlives its queue, and does not always see that another of its name was made: it is older than the queue
 * that is there, or says so itself.
 */
function readsFormerQueue(
  { modifiedAt, lastResult = '' }: ExistingMapping,
  queue: QueueAttributes | undefined,
): boolean {
  if (queue === undefined) return true;
  const isOlder = modifiedAt !== undefined && modifiedAt < Number(queue.CreatedTimestamp) * 1000;
  return isOlder || /does ?not ?exist|NonExistentQueue/i.test(lastResult);
}

function planMapping(
  { names, mapping: settings, rule }: DesiredRoute,
  mappings: readonly ExistingMapping[],
): { readonly existing: RouteAction[]; readonly missing: RouteAction[] } {
  const [first, ...others] = mappings;
  const { queueArn } = rule.target;
  if (first === undefined) {
    return {
      existing: [],
      missing: [{ kind: 'create-mapping', queueArn, functionName: names.deliverFunction, settings }],
    };
  }
  const { mappingId } = first;
  const isSame =
    canonicalJson(settings as unknown as JsonValue) === canonicalJson(settingsOf(first) as unknown as JsonValue);
  return {
    existing: [
      ...others.map((other) => ({ kind: 'delete-mapping', mappingId: other.mappingId }) as const),
      ...(isSame ? [] : [{ kind: 'update-mapping', mappingId, settings } as const]),
    ],
    missing: [],
  };
}

function settingsOf({ mappingId: _, modifiedAt: __, lastResult: ___, enabled, ...rest }: ExistingMapping) {
  return { ...rest, enabled: enabled ?? 'unknown' };
}

/** SQS gives policies back as JSON texts, with numbers for texts at times. */
function sameAttribute(wanted: string, there: string | undefined): boolean {
  if (wanted === there) return true;
  return (
    there !== undefined &&
    wanted.startsWith('{') &&
    sameJson(wanted.replace(/"(\d+)"/g, '$1'), there.replace(/"(\d+)"/g, '$1'))
  );
}

function sameJson(wanted: string, there: string): boolean {
  if (wanted === there) return true;
  try {
    return canonicalJson(parseJson(wanted)) === canonicalJson(parseJson(there));
  } catch {
    return false;
  }
}
