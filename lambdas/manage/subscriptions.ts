import * as z from 'zod/mini';
import { healthAttributes } from '../domain/deliveries/endpoint-health.ts';
import { configEtag } from '../domain/subscriptions/config-etag.ts';
import { eventTypeWarnings } from '../domain/subscriptions/event-type-warnings.ts';
import { unmaskedHeaders } from '../domain/subscriptions/header-rules.ts';
import {
  newSigningSecret,
  publicKeyOf,
  type RandomBytes,
  rotateSecrets,
} from '../domain/subscriptions/signing-secret.ts';
import type { StoredSubscription, SubscriptionConfig } from '../domain/subscriptions/subscription.ts';
import { changeSchema, createSchema } from '../domain/subscriptions/subscription-fields.ts';
import { newSubscriptionId, subscriptionIdFault } from '../domain/subscriptions/subscription-id.ts';
import {
  type ItemRules,
  type ReadSubscription,
  readSubscriptionItem,
} from '../domain/subscriptions/subscription-item.ts';
import { encodeCursor } from '../http/page-cursor.ts';
import { problemResponse } from '../http/problem-responses.ts';
import type { JsonObject } from '../json/json.ts';
import type { SubscriptionStore } from '../ports/subscription-store.ts';
import type { Log } from '../ports/telemetry.ts';
import { type OnceDeps, oncePerKey } from './idempotency.ts';
import type { QueueDepth, SubscriberQueues } from './ports.ts';
import {
  type ApiAnswer,
  invalidFields,
  jsonAnswer,
  type RoutedRequest,
  readCursor,
  readJsonBody,
  readLimit,
} from './request.ts';
import { rotationSchema } from './request-schemas.ts';
import { notFound, type Operations } from './router.ts';
import { isoTime, readStored, subscriptionView, type ViewRules } from './subscription-view.ts';

export interface SubscriptionDeps extends OnceDeps {
  readonly subscriptions: SubscriptionStore;
  readonly rules: Omit<ItemRules, 'now' | 'keepsLegacy'>;
  readonly queues: SubscriberQueues;
  readonly log: Log;
}

type ConfiguredSubscription = StoredSubscription & { readonly config: JsonObject };

/** What was known of an endpoint that is given another chance. */
const voidWhenEnabled = healthAttributes.filter((name) => name !== 'lastSuccessAt');
/** An id that somebody wrote by hand may be anything that DynamoDB takes as a key: 1 to 2,048 bytes. */
const subscriptionPlace = z.strictObject({
  id: z.string().check(
    z.minLength(1),
    z.refine((id) => Buffer.byteLength(id) <= 2048),
  ),
});
const maxClockSkewMs = 60 * 60 * 1000;
/** How often a change that met another is made again on what that other left. */
const maxTries = 5;

export function subscriptionOperations(
  deps: SubscriptionDeps,
): Pick<
  Operations,
  | 'createSubscription'
  | 'listSubscriptions'
  | 'showSubscription'
  | 'changeSubscription'
  | 'deleteSubscription'
  | 'rotateSecret'
> {
  const { subscriptions, rules, clock, randomBytes, queues, log } = deps;
  const rulesNow = (): ViewRules => ({ ...rules, now: clock() });

  async function find(subscriptionId: string): Promise<ConfiguredSubscription | undefined> {
    const stored = await subscriptions.read(subscriptionId);
    return stored.config === undefined ? undefined : { ...stored, config: stored.config };
  }

  /** What is known beside it is shown all the same where the queue cannot be looked at. */
  async function depthOf(subscriptionId: string): Promise<QueueDepth | undefined> {
    try {
      return await queues.depth(subscriptionId);
    } catch (error) {
      log.warn('depth of a queue not read', { subscriptionId, error });
      return undefined;
    }
  }

  async function show(subscriptionId: string, status: number, extra: Record<string, unknown> = {}): Promise<ApiAnswer> {
    const found = await find(subscriptionId);
    if (found === undefined) return notFound(subscriptionId);
    const view = subscriptionView(found, rulesNow());
    return jsonAnswer(status, { ...view, ...extra }, { etag: `"${configEtag(found.config)}"` });
  }

  function readNew(fields: z.output<typeof createSchema>, bytes: RandomBytes, now: number): ReadSubscription {
    const item = {
      ...fields,
      subscriptionId: newSubscriptionId(bytes),
      secrets: [{ secret: newSigningSecret('v1', bytes) }],
      createdAt: isoTime(now),
      updatedAt: isoTime(now),
    };
    return readSubscriptionItem(item, { ...rules, now, keepsLegacy: false });
  }

  async function create(request: RoutedRequest): Promise<ApiAnswer> {
    const body = readJsonBody(request, createSchema);
    if (body.kind === 'refused') return body.answer;
    const draft = readNew(body.value, randomBytes, clock());
    if (draft.kind === 'invalid') return invalidFields(draft.errors);
    const headers = unmaskedHeaders(draft.config.headers ?? {}, undefined);
    if (headers.kind === 'invalid') return invalidFields(headers.errors);
    return oncePerKey(request, body.value as JsonObject, deps, async ({ now, randomBytes: bytes }) => {
      const read = readNew(body.value, bytes, now);
      if (read.kind === 'invalid') return invalidFields(read.errors);
      const { subscriptionId, secrets: [secret] = [] } = read.config;
      // False only where a request under the same idempotency key was here before: the id is of 130 random bits.
      await subscriptions.create(read.config);
      const shown = await show(subscriptionId, 201, { ...warningsOf(read.config), secret: secret?.secret });
      return { ...shown, headers: { ...shown.headers, location: `/v1/subscriptions/${subscriptionId}` } };
    });
  }

  async function list(request: RoutedRequest): Promise<ApiAnswer> {
    const limit = readLimit(request);
    if (limit.kind === 'refused') return limit.answer;
    const place = readCursor(request.query.cursor, 'subscriptions', subscriptionPlace);
    if (place.kind === 'refused') return place.answer;
    const page = await subscriptions.list(limit.value, place.value?.id);
    const now = rulesNow();
    return jsonAnswer(200, {
      subscriptions: page.subscriptions.map((stored) => subscriptionView(stored, now)),
      ...(page.next === undefined ? {} : { nextCursor: encodeCursor('subscriptions', { id: page.next }) }),
    });
  }

  /**
   * Reads, lets `next` decide, and writes if nobody else has written meanwhile; otherwise all of it again. A caller
   * who named an etag wants to know instead.
   */
  async function update(
    request: RoutedRequest,
    next: (stored: ConfiguredSubscription) => SubscriptionConfig | ApiAnswer,
    written: (before: ConfiguredSubscription, config: SubscriptionConfig) => Promise<ApiAnswer>,
  ): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    for (let attempt = 1; attempt <= maxTries; attempt++) {
      const found = await find(id);
      if (found === undefined) return notFound(id);
      const stale = refuseStale(request, found.config);
      if (stale !== undefined) return stale;
      const decided = next(found);
      if (isAnswer(decided)) return decided;
      if (isUnchanged(readStored(found, rulesNow()), decided) || (await subscriptions.replace(found.config, decided))) {
        return written(found, decided);
      }
    }
    return problemResponse(409, 'Conflict', { detail: 'this subscription is being changed by others; try again' });
  }

  async function change(request: RoutedRequest): Promise<ApiAnswer> {
    const body = readJsonBody(request, changeSchema);
    if (body.kind === 'refused') return body.answer;
    const patch = body.value;
    return update(
      request,
      ({ config, state }) => {
        const now = clock();
        const headers = unmaskedHeaders(patch.headers ?? {}, config.headers);
        if (headers.kind === 'invalid') return invalidFields(headers.errors);
        const updatedAt = laterThan(config, now);
        const merged = Object.entries({
          ...config,
          ...patch,
          ...(patch.headers ? { headers: headers.headers } : {}),
          // Asked to be active, it is, whatever the system has decided: see endpoint-hash.ts.
          ...(patch.status === 'active' ? { resumedAt: updatedAt } : {}),
          updatedAt,
        }).filter(([, value]) => value !== null && value !== undefined);
        const keepsLegacy = state?.legacyAcceptedAt !== undefined;
        const read = readSubscriptionItem(Object.fromEntries(merged), { ...rules, now, keepsLegacy });
        return read.kind === 'invalid' ? invalidFields(read.errors) : read.config;
      },
      async ({ subscriptionId, state }, config) => {
        // The reconciler does the same; who asks sees it at once.
        if (patch.status === 'active' && voidWhenEnabled.some((name) => state?.[name] !== undefined)) {
          await subscriptions.changeState(subscriptionId, { remove: voidWhenEnabled });
        }
        return show(subscriptionId, 200, patch.eventTypes === undefined ? {} : warningsOf(config));
      },
    );
  }

  async function remove(request: RoutedRequest): Promise<ApiAnswer> {
    const { id = '' } = request.params;
    for (let attempt = 1; attempt <= maxTries; attempt++) {
      const found = await find(id);
      if (found === undefined) return notFound(id);
      const stale = refuseStale(request, found.config);
      if (stale !== undefined) return stale;
      // Without a condition whatever is stored goes.
      const expected = request.headers['if-match'] === undefined ? undefined : found.config;
      if (await subscriptions.remove(id, expected)) return { statusCode: 204 };
    }
    return problemResponse(409, 'Conflict', { detail: 'this subscription is being changed by others; try again' });
  }

  async function rotateSecret(request: RoutedRequest): Promise<ApiAnswer> {
    const body = readJsonBody(request, rotationSchema, {});
    if (body.kind === 'refused') return body.answer;
    const { overlapSeconds, scheme, endOtherScheme } = body.value;
    const secret = newSigningSecret(scheme, randomBytes);
    return update(
      request,
      (stored) => {
        const now = clock();
        const read = readForNewSecret(stored, { ...rules, now });
        if (read.kind === 'invalid') return rejected(stored.subscriptionId);
        const current = read.config.secrets ?? stored.state?.generatedSecrets ?? [];
        const rotation = rotateSecrets(current, secret, now, { overlapSeconds, endOtherScheme });
        if (rotation.kind === 'too-many') {
          return problemResponse(409, 'Conflict', {
            detail: `${rotation.limit} secrets are in force already; wait until one expires, or rotate with a shorter overlapSeconds`,
          });
        }
        return { ...read.config, secrets: rotation.secrets, updatedAt: laterThan(stored.config, now) };
      },
      async ({ subscriptionId, state }) => {
        // It is among the config's now, until its overlap ends. The reconciler does the same; here it is sure to be over.
        if (state?.generatedSecrets !== undefined) {
          await subscriptions.changeState(subscriptionId, { remove: ['generatedSecrets'] });
        }
        // Nobody outside needs the private half of a key pair.
        return show(subscriptionId, 200, scheme === 'v1a' ? { publicKey: publicKeyOf(secret) } : { secret });
      },
    );
  }

  return {
    createSubscription: create,
    listSubscriptions: list,
    showSubscription: async ({ params }) => {
      const id = params.id ?? '';
      const fault = subscriptionIdFault(id);
      const queue = fault === undefined ? await depthOf(id) : undefined;
      return show(id, 200, queue && { queue });
    },
    changeSubscription: change,
    deleteSubscription: remove,
    rotateSecret,
  };
}

/** Where nothing but its secrets is wrong, a new one is what puts it right. */
function readForNewSecret(stored: ConfiguredSubscription, rules: ViewRules): ReadSubscription {
  const read = readStored(stored, rules);
  if (read.kind === 'valid') return read;
  const { secrets: _, ...others } = stored.config;
  return readStored({ ...stored, config: others }, rules);
}

export function rejected(subscriptionId: string): ApiAnswer {
  return problemResponse(409, 'Conflict', {
    detail: `${subscriptionId} is rejected; read its reason, and correct its fields first`,
  });
}

function warningsOf({ eventTypes }: SubscriptionConfig): Record<string, unknown> {
  const warnings = eventTypeWarnings(eventTypes);
  return warnings.length === 0 ? {} : { warnings };
}

/** Two changes within a millisecond still have two times: the store tells by them that an item was changed. */
function laterThan({ updatedAt }: JsonObject, now: number): string {
  const before = typeof updatedAt === 'string' ? Date.parse(updatedAt) : Number.NaN;
  // What lies further ahead than any clock is off was written by hand.
  return isoTime(before >= now && before < now + maxClockSkewMs ? before + 1 : now);
}

/** A change that changes nothing is none: no new time, nothing to bring into force. */
function isUnchanged(before: ReadSubscription, after: SubscriptionConfig): boolean {
  const etagOf = (config: object): string => configEtag({ ...config, updatedAt: null });
  return before.kind === 'valid' && etagOf(before.config) === etagOf(after);
}

function isAnswer(value: SubscriptionConfig | ApiAnswer): value is ApiAnswer {
  return 'statusCode' in value;
}

/** RFC 9110, 13.1.1: `*`, or a list of strong etags. */
function refuseStale({ headers }: RoutedRequest, config: JsonObject): ApiAnswer | undefined {
  const condition = headers['if-match'];
  if (condition === undefined || condition.trim() === '*') return undefined;
  const etag = `"${configEtag(config)}"`;
  if (condition.split(',').some((candidate) => candidate.trim() === etag)) return undefined;
  return problemResponse(412, 'Precondition Failed', {
    detail: 'the subscription was changed since it was read: read it again',
    headers: { etag },
  });
}
