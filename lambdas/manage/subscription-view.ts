import { desiredFlow, probeDueAt } from '../domain/deliveries/endpoint-health.ts';
import { configEtag } from '../domain/subscriptions/config-etag.ts';
import { endpointHash } from '../domain/subscriptions/endpoint-hash.ts';
import { maskedHeaders } from '../domain/subscriptions/header-rules.ts';
import { maxUrlLength } from '../domain/subscriptions/outbound-url.ts';
import { publicKeyOf, schemeOf, secretsInForce } from '../domain/subscriptions/signing-secret.ts';
import type {
  SigningSecret,
  StoredSubscription,
  SubscriptionConfig,
  SubscriptionState,
} from '../domain/subscriptions/subscription.ts';
import { fieldNames } from '../domain/subscriptions/subscription-fields.ts';
import {
  type ItemRules,
  type ReadSubscription,
  readSubscriptionItem,
} from '../domain/subscriptions/subscription-item.ts';
import { cutText, errorSentence } from '../http/problem.ts';
import { integerValue } from '../json/json.ts';

/** An item that nobody has checked may have 400 KB. A list shows a hundred, and Lambda answers 6 MB at the most. */
const maxShownTypes = 50;
const maxShownTypeLength = 128;
const maxShownDescription = 500;

export type ViewRules = Omit<ItemRules, 'keepsLegacy'>;

/** A stored subscription and what its item says, or undefined where there is no config. */
export function readStored(stored: StoredSubscription, rules: ViewRules): ReadSubscription {
  return readSubscriptionItem(stored.config, { ...rules, keepsLegacy: stored.state?.legacyAcceptedAt !== undefined });
}

/**
 * A subscription as the API shows it; never a secret. `provisioning` is `ready` when what is configured now is in
 * force, so a change is in force when it is `ready` again.
 */
export function subscriptionView(stored: StoredSubscription, rules: ViewRules): Record<string, unknown> {
  const { subscriptionId, config: item = {}, state } = stored;
  const etag = configEtag(item);
  const read = readStored(stored, rules);
  if (read.kind === 'invalid') {
    return {
      subscriptionId,
      ...(typeof item.url === 'string' ? { url: cutText(item.url, maxUrlLength) } : {}),
      ...(isListOfTexts(item.eventTypes)
        ? { eventTypes: item.eventTypes.slice(0, maxShownTypes).map((type) => cutText(type, maxShownTypeLength)) }
        : {}),
      ...(typeof item.description === 'string' ? { description: cutText(item.description, maxShownDescription) } : {}),
      status: 'rejected',
      provisioning: 'rejected',
      reason: errorSentence(read.errors),
      errors: read.errors,
      etag,
    };
  }
  const { config } = read;
  const { secrets = state?.generatedSecrets ?? [] } = config;
  const inForce = state?.provisioning === 'ready' && state.appliedConfig === etag;
  const reason = state?.provisioning === 'pending' ? state.reason : undefined;
  return {
    ...configView(config),
    status: state?.disabled === undefined ? config.status : 'disabled',
    provisioning: inForce ? 'ready' : 'pending',
    ...(reason === undefined ? {} : { reason }),
    ...(state?.disabled === undefined
      ? {}
      : { disabled: { at: isoTime(state.disabled.at), reason: state.disabled.reason } }),
    ...(state?.failingSince === undefined ? {} : { failingSince: isoTime(state.failingSince) }),
    ...(state?.lastSuccessAt === undefined ? {} : { lastSuccessAt: isoTime(state.lastSuccessAt) }),
    ...circuitView(state, rules.now),
    ...(state?.throttledUntil === undefined || state.throttledUntil <= rules.now
      ? {}
      : { throttledUntil: isoTime(state.throttledUntil) }),
    delivering: (inForce || isStillInForce(config, state)) && desiredFlow(config, state, rules.now).enabled,
    signingKeys: secretsInForce(secrets, rules.now).map(keyView),
    etag,
  };
}

/** A change waits, and is none of where events go or whether they do: the route that is there goes on. */
function isStillInForce(config: SubscriptionConfig, state: SubscriptionState | undefined): boolean {
  return state?.appliedConfig !== undefined && state.appliedEndpoint === endpointHash(config);
}

/** A circuit that is closed, or closing at a rising rate, holds nothing back and is not shown. */
function circuitView(state: SubscriptionState | undefined, now: number): Record<string, unknown> {
  const circuit = state?.circuit;
  if (circuit?.state !== 'open') return {};
  const dueAt = probeDueAt(circuit, state ?? {}, now);
  return {
    circuit: {
      state: dueAt <= now ? 'probing' : 'open',
      since: isoTime(circuit.since),
      nextProbeAt: isoTime(dueAt),
      reason: circuit.reason,
    },
  };
}

/** In the order in which people write it. */
function configView(config: SubscriptionConfig): Record<string, unknown> {
  const { subscriptionId, orgIds, headers, createdAt, updatedAt } = config;
  return {
    subscriptionId,
    ...Object.fromEntries(fieldNames.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]]))),
    ...(orgIds === undefined ? {} : { orgIds: orgIds.map(integerValue) }),
    ...(headers === undefined ? {} : { headers: maskedHeaders(headers) }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
  };
}

function keyView({ secret, expiresAt }: SigningSecret): Record<string, unknown> {
  const scheme = schemeOf(secret) ?? 'v1';
  return {
    scheme,
    ...(scheme === 'v1a' ? { publicKey: publicKeyOf(secret) } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt: isoTime(expiresAt) }),
  };
}

function isListOfTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** Somebody may have written anything for a time: one item never spoils the answer about the others. */
export function isoTime(epochMs: number): string {
  const time = new Date(epochMs);
  return Number.isNaN(time.getTime()) ? String(epochMs) : time.toISOString();
}
