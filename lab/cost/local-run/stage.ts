import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { createMetricStore, type MetricStore } from '../../../local/aws/metrics/metric-store.ts';
import { accessKeyIdOf } from '../../../local/aws/runtime/runnable-function.ts';
import { type LocalStack, startLocalStack } from '../../../local/local-stack.ts';
import { synthesise } from '../../../local/synthesise.ts';
import { between, type Counted, countCalls } from './counts.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { type Resources, readResources, stopSchedules } from './template-facts.ts';

/** The system of the local run, with figures, subscribers and posts to count with. Nothing runs by the clock in it. */
export interface Stage {
  readonly stack: LocalStack;
  readonly resources: Resources;
  readonly metrics: MetricStore;
  readonly receiver: Receiver;
  /** What is counted while `work` runs, and until all is quiet after it. */
  count(work: () => Promise<unknown>): Promise<Counted>;
  /** Subscribes the receiver so many times to what Drift posts of an organisation; resolves when events reach it. */
  subscribe(orgId: number, count: number): Promise<readonly string[]>;
  post(message: Message): Promise<{ readonly answerBytes: number }>;
  /** All queues of subscribers fill while `work` runs; then all that waits is delivered in full batches. */
  inFullBatches(work: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

export interface Message {
  readonly orgId: number;
  readonly conversationId: number;
  /** Of the event on the bus, about: as long a text is in it. */
  readonly eventBytes: number;
  readonly token?: string;
}

const driftToken = 'cost';
/** What an event on the bus has beside the words of its message. */
const bytesBesideWords = 300;
/** Between two looks of which both find nothing on its way. */
const quietLookMs = 400;

export async function startStage(quietPeriodSeconds: number): Promise<Stage> {
  const metrics = createMetricStore();
  const counter = countCalls();
  const receiver = await startReceiver();
  const workDirectory = mkdtempSync(join(tmpdir(), 'fanout-cost-'));
  const assemblyDirectory = await synthesise({ workDirectory, quietPeriodSeconds });
  const resources = readResources(assemblyDirectory);
  stopSchedules(assemblyDirectory);
  const stack = await startLocalStack({
    driftToken,
    metrics,
    assemblyDirectory,
    onCall: counter.onCall,
    // Attempts that are answered 500 are part of the run.
    onNotice: () => undefined,
  });
  const lambda = new LambdaClient(clientOptions(stack));
  const functionOf = (accessKeyId: string): string =>
    stack.functions.list().find(({ arn }) => accessKeyIdOf(arn) === accessKeyId)?.name ?? accessKeyId;
  let posted = 0;

  return {
    stack,
    resources,
    metrics,
    receiver,
    async count(work) {
      const counts = () => counter.counts(metrics, functionOf);
      const before = counts();
      await work();
      await untilQuiet(stack);
      return between(before, counts());
    },
    async subscribe(orgId, count) {
      const ids: string[] = [];
      for (let one = 0; one < count; one++) {
        const { subscriptionId } = await request(`${stack.api}/v1/subscriptions`, {
          url: `http://127.0.0.1:${receiver.port}/webhooks/drift/${one}`,
          eventTypes: ['new_message'],
          orgIds: [orgId],
        });
        ids.push(String(subscriptionId));
      }
      for (const id of ids) while ((await stateOf(stack, id)) !== 'ready') await pause(100);
      return ids;
    },
    async post({ orgId, conversationId, eventBytes, token = driftToken }) {
      const data = {
        id: 635_760_549 + posted++,
        orgId,
        conversationId,
        body: `<p>${'Hi, do you ship to Norway? '.repeat(400).slice(0, Math.max(1, eventBytes - bytesBesideWords))}</p>`,
        author: { type: 'contact', id: 903_182_234, bot: false },
        type: 'chat',
        createdAt: Date.now(),
        attributes: {},
      };
      const response = await fetch(`${stack.api}/drift/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ orgId, type: 'new_message', token, data }),
      });
      const text = await response.text();
      const expected = token === driftToken ? 202 : 401;
      if (response.status !== expected) throw new Error(`a post was answered ${response.status}: ${text}`);
      return { answerBytes: Buffer.byteLength(text) };
    },
    async inFullBatches(work) {
      const mappings = await subscribersMappings(lambda);
      // At the mapping itself, past our own functions: they would have work with it, which would be counted.
      const enable = (Enabled: boolean) =>
        Promise.all(mappings.map((UUID) => lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }))));
      await enable(false);
      await work();
      await enable(true);
    },
    async stop() {
      lambda.destroy();
      await stack.stop();
      receiver.stop();
      rmSync(workDirectory, { recursive: true, force: true });
    },
  };
}

export const subscribersQueue = /^fanout-local-(?!.*-dlq$)/;

/** What reads the subscribers' queues. */
async function subscribersMappings(lambda: LambdaClient): Promise<readonly string[]> {
  const found: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await lambda.send(new ListEventSourceMappingsCommand(Marker === undefined ? {} : { Marker }));
    for (const { UUID = '', EventSourceArn = '' } of page.EventSourceMappings ?? []) {
      if (subscribersQueue.test(EventSourceArn.split(':').at(-1) ?? '')) found.push(UUID);
    }
    Marker = page.NextMarker;
  } while (Marker !== undefined && Marker !== '');
  return found;
}

async function stateOf(stack: LocalStack, id: string): Promise<unknown> {
  const response = await fetch(`${stack.api}/v1/subscriptions/${id}`);
  const { provisioning, reason } = (await response.json()) as Record<string, unknown>;
  if (provisioning === 'rejected') throw new Error(`${id} was rejected: ${String(reason)}`);
  return provisioning;
}

async function request(url: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`${url} was answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Until no queue has a message waiting or in flight; what gathers in a window is in flight. */
async function untilQuiet({ queues }: LocalStack): Promise<void> {
  const isBusy = (): boolean =>
    queues.list().some((queue) => {
      const { visible, inFlight } = queue.counts();
      return !queue.name.includes('DeadLetters') && visible + inFlight > 0;
    });
  for (let quietLooks = 0; quietLooks < 2; quietLooks = isBusy() ? 0 : quietLooks + 1) await pause(quietLookMs);
}

export function clientOptions({ aws }: LocalStack) {
  return {
    endpoint: aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
