import type { JsonObject } from '../../lambdas/json/json.ts';
import { orgIds } from './conversation-script.ts';
import { Endpoint } from './endpoints.ts';
import { filters } from './expected-subscription.ts';
import type { Functions } from './functions.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { SubscriptionTable } from './subscription-table.ts';

interface Options {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly functions: Functions;
  readonly subscriptions: SubscriptionTable;
  readonly from: number;
  readonly until: number;
  readonly subscribers: number;
  readonly changes: number;
  /** When many conversations begin at once. */
  readonly rushes: readonly number[];
  /** New delivery code: every route is looked at. */
  readonly deploy: () => void;
  /** Sends single events again. */
  readonly resends: number;
  /** Returns what is to be called once it is accepted. */
  readonly onResend: (subscriptionId: string, webhookId: string) => () => void;
  /** When the first subscriptions are made, the legacy event may already be closed to new ones. */
  readonly holdsLegacy: boolean;
}

const second = 1_000;
const minute = 60 * second;

const wishes: readonly (readonly string[])[] = [
  ['conversation_push'],
  ['new_conversation', 'new_message', 'button_clicked'],
  ['conversation_inactive', 'conversation_manual_push'],
  ['new_message', 'new_command_message', 'phone_captured', 'not_yet_invented'],
  ['conversation_push', 'webhook_delivery_exhausted', 'webhook_subscription_failing', 'webhook_subscription_disabled'],
  ['new_message', 'conversation_push', 'conversation_inactive', 'webhook_delivery_recovered'],
];

/** What people do with subscriptions: through the API, and by hand in the table. */
export class Operators {
  readonly #options: Options;
  readonly #windows: Random;
  readonly #resends: Random;
  readonly #cancels: Random;
  /** In one run of ten, half of the resends are cancelled, so that they need not be made, and must take no event along. */
  readonly #cancelsResends: boolean;
  readonly #resent = new Set<string>();
  readonly #endpoints = new Map<string, Endpoint>();
  /** Items that somebody has spoilt, as they were. */
  readonly #spoilt = new Map<string, JsonObject>();
  #isOver = false;
  #made = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#windows = options.random.fork('batching windows');
    this.#resends = options.random.fork('resends');
    this.#cancels = options.random.fork('cancels resends');
    this.#cancelsResends = this.#cancels.chance(0.1);
  }

  endpointOf(url: string): Endpoint {
    const endpoint = this.#endpoints.get(new URL(url).host);
    if (endpoint === undefined) throw new Error(`nobody listens at ${url}`);
    return endpoint;
  }

  start(): void {
    const { scheduler, random, from, until, subscribers, changes, rushes } = this.#options;
    for (let index = 0; index < subscribers; index++) {
      scheduler.setTimer(from + random.integer(0, 2 * minute), () => void this.#make(index < 2));
    }
    for (let change = 0; change < changes; change++) {
      const at = random.chance(0.7)
        ? random.pick(rushes) + random.integer(0, 10 * minute)
        : random.integer(from + 10 * minute, until);
      scheduler.setTimer(at, () => void this.#change());
    }
    for (let resend = 0; resend < this.#options.resends; resend++) {
      scheduler.setTimer(this.#resends.integer(from + 30 * minute, until), () => void this.#resend());
    }
  }

  /** Everybody puts right what is wrong; `abandoned`: but for this one, which nobody looks after any more. */
  async end(abandoned: string | undefined, isStubborn: boolean): Promise<void> {
    this.#isOver = true;
    for (const [id, config] of this.#spoilt) this.#options.subscriptions.putConfig(id, config);
    const forgotten = abandoned === undefined ? undefined : this.#options.subscriptions.configs.get(abandoned)?.url;
    for (const endpoint of this.#endpoints.values()) {
      if (typeof forgotten !== 'string' || !forgotten.includes(endpoint.host)) endpoint.heal(isStubborn);
    }
    for (const [id, { status }] of [...this.#options.subscriptions.configs]) {
      const isDisabled = this.#options.subscriptions.states.get(id)?.disabled !== undefined;
      if (id !== abandoned && (status === 'paused' || isDisabled)) await this.#patch(id, { status: 'active' });
    }
  }

  async #make(isOriginal: boolean): Promise<void> {
    const { random, functions, subscriptions, holdsLegacy } = this.#options;
    const fields = this.#fields();
    if (random.chance(0.7) && !isOriginal) {
      const { status: _, ...body } = fields;
      await functions.request('manage', { path: '/v1/subscriptions', body: JSON.stringify(body) });
      return;
    }
    // Without secrets: those are generated.
    const id = `by-hand-${++this.#made}`;
    if (isOriginal && holdsLegacy) {
      subscriptions.putState(id, { subscriptionId: id, provisioning: 'pending', legacyAcceptedAt: this.#options.from });
      fields.eventTypes = [...(fields.eventTypes as string[]), 'conversation_status_updated'];
    }
    subscriptions.putConfig(id, { subscriptionId: id, ...fields });
  }

  #fields(): JsonObject {
    const { random } = this.#options;
    return {
      url: this.#url(),
      eventTypes: [...random.pick(wishes)],
      ...(random.chance(0.25) ? { orgIds: [random.pick(orgIds)] } : {}),
      ...(random.chance(0.2) ? { filter: random.pick(filters).pattern } : {}),
      ...(random.chance(0.2) ? { maxConcurrency: random.integer(2, 4) } : {}),
      ...(this.#windows.chance(0.3) ? { maxBatchingWindowSeconds: this.#windows.integer(0, 60) } : {}),
      status: 'active',
    };
  }

  #url(): string {
    const { random, from, until } = this.#options;
    const host = `receiver-${this.#endpoints.size}.example`;
    this.#endpoints.set(host, new Endpoint(host, random.fork(host), { from, until }, random.chance(0.35)));
    return `https://${host}/hooks`;
  }

  async #change(): Promise<void> {
    if (this.#isOver) return;
    const { random, scheduler, functions, subscriptions } = this.#options;
    const ids = [...subscriptions.configs.keys()].filter((id) => !this.#spoilt.has(id));
    if (ids.length === 0) return this.#make(false);
    const id = random.pick(ids);
    switch (
      random.weighted([
        [6, 'pause'],
        [10, 'edits'],
        [2, 'move'],
        [2, 'delete'],
        [2, 'remake'],
        [2, 'make'],
        [1, 'rotate'],
        [3, 'quiet-period'],
        [1, 'spoil'],
        [2, 'enable'],
        [2, 'replay'],
      ])
    ) {
      case 'pause':
        await this.#patch(id, { status: 'paused' });
        await scheduler.sleep(random.spread(20 * second, 3 * 60 * minute));
        if (!this.#isOver) await this.#patch(id, { status: 'active' });
        return;
      case 'edits': {
        // Somebody is still at it when the first change is being carried out.
        const keeps = (subscriptions.configs.get(id)?.eventTypes as string[] | undefined)?.includes(
          'conversation_status_updated',
        );
        const isBusy = random.chance(0.6);
        for (let edits = random.integer(1, 5); edits > 0; edits--) {
          if (isBusy) {
            this.#options.deploy();
            // So that the run over all routes reads the subscription before the edit, or after it, or while it is made.
            await scheduler.sleep(random.integer(0, 1_500));
          }
          const eventTypes = [...random.pick(wishes), ...(keeps ? ['conversation_status_updated'] : [])];
          const narrowed = {
            orgIds: random.chance(0.3) ? [random.pick(orgIds)] : null,
            ...(this.#windows.chance(0.2) ? { maxBatchingWindowSeconds: this.#windows.pick([null, 1, 60]) } : {}),
            filter: random.chance(0.3) ? random.pick(filters).pattern : null,
          };
          await this.#patch(id, random.chance(0.5) ? { eventTypes } : narrowed);
          await scheduler.sleep(random.spread(10, isBusy ? 2 * second : 10 * second));
        }
        return;
      }
      case 'move': {
        const old = subscriptions.configs.get(id)?.url;
        // The old place is shut before the system knows of the new one: what is under way is told so.
        if (typeof old === 'string' && random.chance(0.5)) this.endpointOf(old).leave(scheduler.now());
        return this.#patch(id, { url: this.#url() });
      }
      case 'replay': {
        // Mostly of what still waits, since somebody thought it lost; and called off when they see that.
        const from = new Date(scheduler.now() - random.spread(minute, 6 * 60 * minute)).toISOString();
        const path = `/v1/subscriptions/${id}/replay`;
        const started = await functions.request('manage', { path, body: JSON.stringify({ missed: { from } }) });
        if (started?.statusCode !== 202) return;
        const { replayName } = JSON.parse(started.body ?? '{}') as { replayName?: string };
        await scheduler.sleep(random.spread(second, 30 * minute));
        if (random.chance(0.3)) return;
        await functions.request('manage', { path, body: JSON.stringify({ cancel: replayName }) });
        return;
      }
      case 'delete': {
        const config = subscriptions.configs.get(id);
        if (random.chance(0.5))
          await functions.request('manage', { method: 'DELETE', path: `/v1/subscriptions/${id}` });
        else subscriptions.putConfig(id, undefined);
        if (config === undefined || !random.chance(0.5)) return;
        await scheduler.sleep(random.spread(100, 30 * minute));
        if (!this.#isOver && !subscriptions.configs.has(id)) subscriptions.putConfig(id, withoutLegacy(config));
        return;
      }
      case 'remake': {
        // As a script does it that replaces an item: at once, or while it is still being taken down.
        const config = subscriptions.configs.get(id);
        subscriptions.putConfig(id, undefined);
        await scheduler.sleep(random.spread(1, 90 * second));
        if (config !== undefined && !this.#isOver && !subscriptions.configs.has(id)) {
          subscriptions.putConfig(id, withoutLegacy(config));
        }
        return;
      }
      case 'make':
        return this.#make(false);
      case 'rotate':
        await functions.request('manage', {
          path: `/v1/subscriptions/${id}/rotate-secret`,
          body: '{"overlapSeconds":600}',
        });
        return;
      case 'quiet-period': {
        const path = `/v1/orgs/${random.pick(orgIds)}/settings`;
        const quietPeriodSeconds = random.chance(0.2) ? null : random.spread(60, 3_600);
        await functions.request('manage', { method: 'PUT', path, body: JSON.stringify({ quietPeriodSeconds }) });
        return;
      }
      case 'spoil': {
        const config = subscriptions.configs.get(id);
        if (config === undefined) return;
        this.#spoilt.set(id, config);
        subscriptions.putConfig(id, { ...config, url: 'nonsense' });
        await scheduler.sleep(random.spread(second, 2 * 60 * minute));
        if (this.#isOver) return;
        this.#spoilt.delete(id);
        subscriptions.putConfig(id, config);
        return;
      }
      default:
        if (subscriptions.states.get(id)?.disabled !== undefined) await this.#patch(id, { status: 'active' });
    }
  }

  /** Whoever lost an event asks for it once more, whatever became of it. */
  async #resend(): Promise<void> {
    if (this.#isOver) return;
    const { functions, scheduler, subscriptions, onResend } = this.#options;
    const ids = [...subscriptions.configs.keys()];
    if (ids.length === 0) return;
    const id = this.#resends.pick(ids);
    const path = `/v1/subscriptions/${id}/deliveries`;
    const listed = await functions.request('manage', { method: 'GET', path });
    if (listed?.statusCode !== 200) return;
    const { deliveries } = JSON.parse(listed.body ?? '{}') as { deliveries: { webhookId: string }[] };
    const fresh = deliveries.filter(({ webhookId }) => !this.#resent.has(`${id} ${webhookId}`));
    if (fresh.length === 0 || this.#isOver) return;
    const { webhookId } = this.#resends.pick(fresh);
    this.#resent.add(`${id} ${webhookId}`);
    const resend = async (): Promise<void> => {
      // It may be in the queue also where no answer comes.
      const onAccepted = onResend(id, webhookId);
      const answer = await functions.request('manage', { path: `${path}/${webhookId}/resend` });
      if (answer?.statusCode !== 202) return;
      if (!this.#cancelsResends || this.#cancels.chance(0.5)) return onAccepted();
      const { replayName } = JSON.parse(answer.body ?? '{}') as { replayName?: string };
      await scheduler.sleep(this.#cancels.spread(1, 60 * minute));
      if (this.#isOver || !subscriptions.configs.has(id)) return;
      const body = JSON.stringify({ cancel: replayName });
      await functions.request('manage', { path: `/v1/subscriptions/${id}/replay`, body });
    };
    const first = resend();
    // Somebody else wants the same, or the same person does not believe it.
    if (this.#resends.chance(0.4)) {
      await scheduler.sleep(this.#resends.spread(1, 10 * minute));
      if (!this.#isOver && subscriptions.configs.has(id)) await resend();
    }
    await first;
  }

  /** Asks again until it is told that it is done, as a person would. */
  async #patch(id: string, change: JsonObject): Promise<void> {
    const { functions, scheduler } = this.#options;
    for (let attempt = 0; attempt < 5; attempt++) {
      const request = { method: 'PATCH', path: `/v1/subscriptions/${id}`, body: JSON.stringify(change) };
      const response = await functions.request('manage', request);
      if (response !== undefined && (response.statusCode ?? 500) < 500) return;
      await scheduler.sleep(2 * second);
    }
  }
}

/** A subscription that is made anew is a new subscriber. */
function withoutLegacy(config: JsonObject): JsonObject {
  const types = (config.eventTypes as string[]).filter((type) => type !== 'conversation_status_updated');
  return { ...config, eventTypes: types };
}
