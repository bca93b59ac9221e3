import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aSyncCommand, broadcastsOf, instantIn } from '../../lab/support/drift-events.ts';
import { RecordedPublisher } from '../../lab/support/in-memory/publisher.ts';
import { eventBridgePublisher } from '../../lambdas/aws/event-bridge-publisher.ts';
import type { Broadcast } from '../../lambdas/domain/events/derive.ts';
import { maxEventBytes } from '../../lambdas/domain/events/drift-post.ts';
import { type JsonObject, parseJson } from '../../lambdas/json/json.ts';
import type { EventPublisher } from '../../lambdas/ports/event-publisher.ts';
import { systemClock } from '../../local/aws/engine/engine-clock.ts';
import { createEventBuses, type EventBuses } from '../../local/aws/engine/event-bus.ts';
import { eventBridgeService } from '../../local/aws/wire/event-bridge.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../local/aws/wire/http-server.ts';

interface Subject {
  readonly publisher: EventPublisher;
  /** What reached the bus, in the order in which it was given: source and detail. */
  readonly published: () => readonly { readonly source: string; readonly detail: string }[];
}

const region = 'us-east-1';
const accountId = '000000000000';
let buses: EventBuses;
let endpoint: AwsEndpoint;
let client: EventBridgeClient;
let onBus: { source: string; detail: string }[] = [];

beforeAll(async () => {
  buses = createEventBuses({
    clock: systemClock(),
    region,
    accountId,
    deliver({ payload }) {
      const { source, detail } = parseJson(payload) as { source: string; detail: JsonObject };
      onBus.push({ source, detail: JSON.stringify(detail) });
      return { kind: 'delivered' };
    },
    onDropped: () => undefined,
  });
  buses.createBus('the-bus');
  buses.putRule({ name: 'all', bus: 'the-bus', eventPattern: '{"source":[{"prefix":""}]}' });
  buses.putTargets('all', [{ id: 'all', arn: `arn:aws:sqs:${region}:${accountId}:all` }], 'the-bus');
  endpoint = await startAwsEndpoint({ services: [eventBridgeService({ buses })], port: 0, onBug: () => undefined });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  client = new EventBridgeClient({ endpoint: endpoint.url, region, credentials });
});
afterAll(async () => {
  client.destroy();
  buses.stop();
  await endpoint.close();
});

function onTheBus(): Subject {
  onBus = [];
  const publisher = eventBridgePublisher({ client, eventBusName: 'the-bus', sleep: async () => undefined });
  return { publisher, published: () => onBus };
}

function recorded(): Subject {
  const publisher = new RecordedPublisher();
  const published = () => publisher.published.map(({ source, detail }) => ({ source, detail: JSON.stringify(detail) }));
  return { publisher, published };
}

// The simulator publishes by the adapter itself.
describe.each<[string, () => Subject]>([
  ['EventBridge', onTheBus],
  ['memory', recorded],
])('events published to %s', (_, make) => {
  let publisher: EventPublisher;
  let published: Subject['published'];
  beforeEach(() => {
    ({ publisher, published } = make());
  });
  const sync = broadcastsOf(aSyncCommand(), instantIn.mirroring);
  const anEvent = (data: JsonObject): Broadcast => {
    const [broadcast] = broadcastsOf({ orgId: '9007199254740993', type: 'any', data });
    if (broadcast === undefined) throw new Error('nothing was broadcast');
    return broadcast;
  };

  it('arrive with their source and every digit, a cause before what follows from it', async () => {
    expect(await publisher.publish(sync)).toEqual({ kind: 'published' });
    expect(published()).toEqual(sync.map(({ source, detail }) => ({ source, detail: JSON.stringify(detail) })));
    const event = anEvent({ id: JSON.rawJSON('9223372036854775807'), price: JSON.rawJSON('300.0') });
    await publisher.publish([event]);
    expect(published().at(-1)?.detail).toBe(JSON.stringify(event.detail));
  });

  it('are none where there are none', async () => {
    expect(await publisher.publish([])).toEqual({ kind: 'published' });
    expect(published()).toEqual([]);
  });

  it('may be more than the bus takes in one call', async () => {
    const events = Array.from({ length: 23 }, (__, n) => anEvent({ n }));
    expect(await publisher.publish(events)).toEqual({ kind: 'published' });
    expect(published()).toHaveLength(23);
  });

  it('are none at all where one of them is larger than the bus takes', async () => {
    const large = anEvent({ text: 'x'.repeat(maxEventBytes) });
    expect(await publisher.publish([...sync, large])).toMatchObject({ kind: 'too-large', type: 'any' });
    expect(published()).toEqual([]);
  });
});
