import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { localAwsClients } from '../../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../../lab/support/subscriber.ts';
import { type AlarmState, alarmState } from '../../../local/aws/metrics/alarm-state.ts';
import { createMetricStore, type MetricStore } from '../../../local/aws/metrics/metric-store.ts';
import { type LocalStack, startLocalStack } from '../../../local/local-stack.ts';
import { synthesise } from '../../../local/synthesise.ts';
import { type ChangesByHand, createChangesByHand } from './changes-by-hand.ts';
import { createPassingTime, type PassingTime } from './passing-time.ts';

const driftToken = 'drill-token';
const eventTypes = ['new_meeting', 'new_message', 'conversation_inactive'];
/** `quietDriftHours`: an ordinary night of the drills. */
const quietDriftHours = 2;

/** The real local run, whose time passes as it is told to, with a subscriber at a real receiver. */
export class Scene {
  readonly stack: LocalStack;
  readonly aws: ReturnType<typeof localAwsClients>;
  readonly byHand: ChangesByHand;
  /** What the local run has said of itself. */
  readonly notices: string[];
  readonly #time: PassingTime;
  readonly #metrics: MetricStore;
  readonly #startedAt: number;
  readonly #workDirectory: string;
  #facts = 0;
  #id = '';
  #drillBegan = 0;
  #receiver: Subscriber | undefined;
  /** Facts that were accepted since `subscribe`. */
  readonly #accepted = new Set<number>();

  private constructor(parts: {
    readonly stack: LocalStack;
    readonly time: PassingTime;
    readonly metrics: MetricStore;
    readonly startedAt: number;
    readonly notices: string[];
    readonly workDirectory: string;
  }) {
    this.stack = parts.stack;
    this.notices = parts.notices;
    this.#time = parts.time;
    this.#metrics = parts.metrics;
    this.#startedAt = parts.startedAt;
    this.#workDirectory = parts.workDirectory;
    this.aws = localAwsClients(parts.stack.aws);
    this.byHand = createChangesByHand(this.aws);
  }

  static async open(): Promise<Scene> {
    const workDirectory = await mkdtemp(join(tmpdir(), 'drills-'));
    const assemblyDirectory = await synthesise({ workDirectory, quietDriftHours });
    const metrics = createMetricStore({ keepSeconds: 6 * 3600 });
    const notices: string[] = [];
    let stack: LocalStack | undefined;
    const time = createPassingTime(() => stack?.workers.isIdle() ?? true);
    const startedAt = time.now();
    const { clock } = time;
    const onNotice = (text: string) => void notices.push(text);
    stack = await startLocalStack({ assemblyDirectory, driftToken, metrics, clock, onNotice });
    return new Scene({ stack, time, metrics, startedAt, notices, workDirectory });
  }

  /** Where the commands keep what they have compiled. */
  get compileCache(): string {
    return join(this.#workDirectory, 'compile-cache');
  }

  async close(): Promise<void> {
    await this.#receiver?.stop();
    await this.stack.stop();
    for (const client of Object.values(this.aws)) client.destroy();
    await rm(this.#workDirectory, { recursive: true, force: true });
  }

  now(): number {
    return this.#time.now();
  }

  pass(seconds: number): Promise<void> {
    return this.#time.pass(seconds);
  }

  until(what: string, isSo: () => unknown, seconds: number): Promise<number> {
    return this.#time.until(what, isSo, seconds);
  }

  /** Lets time pass until the hourly run, which repairs routes, is at least so far away. */
  async hourlyRunIsOver(forSeconds: number): Promise<void> {
    const sinceSeconds = () => ((this.now() - this.#startedAt) / 1000) % 3600;
    // The stack took a few seconds to start, and the run takes some.
    if (sinceSeconds() > 120 && sinceSeconds() < 3600 - forSeconds) return;
    await this.pass(sinceSeconds() <= 120 ? 120 : 3600 - sinceSeconds() + 120);
  }

  /** Moves time on without waiting for what falls due. */
  skip(seconds: number): void {
    this.#time.clock.advanceTo(this.now() + seconds * 1000);
  }

  functionNamed(part: string): string {
    const names = this.stack.functions.list().map(({ name }) => name);
    return theOne('functions', part, names);
  }

  /** Url of a queue of the stack. */
  queueNamed(part: string): string {
    const names = this.stack.queues.list().map(({ name }) => name);
    return this.#queueUrl(theOne('queues', part, names));
  }

  ruleNamed(part: string): string {
    const names = this.stack.buses.listRules().map(({ name }) => name);
    return theOne('rules', part, names);
  }

  /** The subscription. */
  get id(): string {
    return this.#id;
  }

  get receiver(): Subscriber {
    if (this.#receiver === undefined) throw new Error('nobody has subscribed yet');
    return this.#receiver;
  }

  /** Of the subscriber: its rule and its delivery function. */
  get routeName(): string {
    return `fanout-local-${this.#id}`;
  }

  /** Url of the subscriber's queue, or with `-dlq` of its dead-letter queue. */
  ownQueue(suffix = ''): string {
    return this.#queueUrl(`${this.routeName}${suffix}`);
  }

  #queueUrl(name: string): string {
    return `${this.stack.aws}/000000000000/${name}`;
  }

  /** When it subscribed, which a drill begins with; epoch ms. */
  get drillBegan(): number {
    return this.#drillBegan;
  }

  async subscribe(): Promise<void> {
    this.#drillBegan = this.now();
    this.#receiver = await Subscriber.start();
    this.#accepted.clear();
    const { subscriptionId } = await this.callApi('POST', '/subscriptions', { url: this.#receiver.url, eventTypes });
    this.#id = String(subscriptionId);
    await this.until('the subscriber to be ready', async () => (await this.shown()).provisioning === 'ready', 120);
  }

  async unsubscribe(): Promise<void> {
    await this.callApi('DELETE', `/subscriptions/${this.#id}`);
    await this.pass(1);
    await this.#receiver?.stop();
    this.#receiver = undefined;
    this.byHand.forget();
  }

  /** After a drill that failed: the next one stands on a whole stack. */
  async recover(): Promise<void> {
    await this.byHand.revertAll();
    if (this.#receiver !== undefined) {
      this.#receiver.answer = (_delivery, response) => response.writeHead(200).end();
      await this.unsubscribe();
    }
  }

  shown(): Promise<Record<string, unknown>> {
    return this.callApi('GET', `/subscriptions/${this.#id}`);
  }

  /** Throws where the answer is no 2xx. */
  async callApi(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.stack.api}/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  /** Posts as Drift does, an event that was not there before, and gives the status of the answer. */
  async post({ token = driftToken, type = 'new_meeting', data = {} }: Post = {}): Promise<number> {
    const agentId = ++this.#facts;
    const response = await fetch(`${this.stack.api}/drift/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orgId: 1, type, token, data: { agentId, ...data } }),
    });
    await response.arrayBuffer();
    if (response.status === 202) this.#accepted.add(agentId);
    return response.status;
  }

  /** A message of the contact, in a conversation that is new unless it is said. */
  async say(conversationId = 1_000_000 + this.#facts): Promise<number> {
    const createdAt = this.now();
    const author = { type: 'contact', id: 7 };
    await this.post({ type: 'new_message', data: { id: createdAt, conversationId, createdAt, author } });
    return conversationId;
  }

  /** As somebody enters it who has read how to deploy. */
  async enterToken(token: string): Promise<void> {
    const arns = this.stack.functions.list().flatMap(({ environment }) => environment.DRIFT_TOKEN_SECRET_ARN ?? []);
    for (const arn of new Set(arns)) this.stack.secrets.put(arn, token);
  }

  /** Gives the id of the message. */
  async send(QueueUrl: string, MessageBody: string): Promise<string> {
    const { MessageId = '' } = await this.aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    return MessageId;
  }
  /** Of what was accepted since `subscribe`: what has not arrived. */
  missing(): number[] {
    const arrived = new Set(this.#arrivals().map(({ data }) => data.agentId));
    return [...this.#accepted].filter((fact) => !arrived.has(fact));
  }

  /** Whether the subscriber was told that a conversation is quiet. */
  wentQuiet(conversationId: number): boolean {
    return this.#arrivals().some(
      ({ type, data }) => type === 'conversation_inactive' && data.conversationId === conversationId,
    );
  }

  #arrivals() {
    type Arrival = { readonly type: string; readonly data: { agentId?: number; conversationId?: number } };
    return this.receiver.bodies().map((body) => JSON.parse(body) as Arrival);
  }

  /** By the template's own definition, in the local run's time. */
  alarm(article: string): AlarmState {
    const alarm = this.stack.monitoring.alarms.find(({ definition }) => nameOf(definition) === article);
    if (alarm === undefined) throw new Error(`there is no alarm ${article}`);
    return alarmState(alarm.definition, this.#metrics, { start: this.#startedAt, end: this.now() });
  }

  alarmNames(): string[] {
    return this.stack.monitoring.alarms.map(({ definition }) => nameOf(definition));
  }
}

/** For a fault that is none of a thing, but that others stop or begin something. */
export async function nothingHappens(): Promise<void> {}

/** By hand, in place of `npx cdk drift` and `npm run deploy -- --revert-drift`. */
export function revertDrift(scene: Scene): Promise<void> {
  return scene.byHand.revertDrift();
}

/** For commands that only look, or that are about another fault. */
export async function nothingToDo(): Promise<void> {}

interface Post {
  readonly token?: string;
  readonly type?: string;
  readonly data?: object;
}

function nameOf({ AlarmName }: { readonly AlarmName: string }): string {
  return AlarmName.replace(/^webhook-fanout-local-/, '');
}

function theOne(what: string, part: string, names: readonly string[]): string {
  const [found, ...others] = names.filter((name) => name.includes(part));
  if (found !== undefined && others.length === 0) return found;
  throw new Error(`${found === undefined ? 'no' : 1 + others.length} ${what} have ${part} in their name`);
}
