import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../../lambdas/json/json.ts';
import { createEventBuses, type EventBuses, type EventBusesOptions } from '../../../../local/aws/engine/event-bus.ts';
import type { RuleInput } from '../../../../local/aws/engine/event-rule.ts';
import type { DeliveryResult, TargetDelivery } from '../../../../local/aws/engine/target-sender.ts';
import { createVirtualClock } from '../../../../local/aws/engine/virtual-clock.ts';

const busName = 'fanout';
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

function aBus(options: Partial<EventBusesOptions> = {}) {
  const clock = createVirtualClock(Date.parse('2020-06-01T10:00:00.500Z'));
  const delivered: TargetDelivery[] = [];
  const dropped: [string, string][] = [];
  const buses = createEventBuses({
    clock,
    region: 'us-east-1',
    accountId: '000000000000',
    random: () => 0,
    deliver: (delivery) => {
      delivered.push(delivery);
      return { kind: 'delivered' };
    },
    onDropped: ({ targetArn }, { errorCode }) => dropped.push([targetArn, errorCode]),
    ...options,
  });
  buses.createBus(busName);
  return { clock, buses, delivered, dropped };
}

/** A rule with one queue of its name as its target. */
function aRule(buses: EventBuses, name: string, pattern: object, more: Partial<RuleInput> = {}): string {
  const { ruleArn } = buses.putRule({ name, bus: busName, eventPattern: JSON.stringify(pattern), ...more });
  buses.putTargets(name, [{ id: 'queue', arn: queueArn(name) }], busName);
  return ruleArn;
}

const put = (buses: EventBuses, detail: object | string, entry: object = {}) =>
  buses.putEvents([
    {
      source: 'drift',
      detailType: 'new_message',
      detail: typeof detail === 'string' ? detail : JSON.stringify(detail),
      bus: busName,
      ...entry,
    },
  ])[0];

const namesOf = (delivered: readonly TargetDelivery[]) => delivered.map(({ targetArn }) => targetArn.split(':').at(-1));
const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing thrown';
};

describe('an event', () => {
  it("hands its sender's trace on beside the envelope, to the dead-letter queue too, and drops what is no trace", () => {
    const traceHeader = 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1';
    const delivered: TargetDelivery[] = [];
    const { buses } = aBus({
      deliver: (delivery) => {
        delivered.push(delivery);
        return { kind: 'rejected', errorCode: 'NO_RESOURCE', errorMessage: '' };
      },
    });
    aRule(buses, 'chats', { source: ['drift'] });
    const target = { id: 'queue', arn: queueArn('chats'), deadLetterArn: queueArn('dead') };
    buses.putTargets('chats', [target], busName);
    put(buses, { a: 1 }, { traceHeader });
    put(buses, { a: 2 }, { traceHeader: 'Root=nonsense' });
    expect(delivered.map((delivery) => delivery.traceHeader)).toEqual([traceHeader, traceHeader, undefined, undefined]);
    expect(JSON.stringify(delivered.map(({ payload }) => payload))).not.toContain('5759e988');
  });

  it('reaches the targets of the rules that it matches, in EventBridge’s envelope', () => {
    const { buses, delivered } = aBus({ newId: () => 'the-id' });
    aRule(buses, 'chats', { 'detail-type': ['new_message'] });
    aRule(buses, 'others', { 'detail-type': ['new_conversation'] });
    expect(put(buses, { a: 1 }, { resources: ['r'] })).toEqual({ kind: 'accepted', eventId: 'the-id' });
    expect(namesOf(delivered)).toEqual(['chats']);
    expect(JSON.parse(delivered[0]?.payload ?? '')).toEqual({
      version: '0',
      id: 'the-id',
      'detail-type': 'new_message',
      source: 'drift',
      account: '000000000000',
      time: '2020-06-01T10:00:00Z',
      region: 'us-east-1',
      resources: ['r'],
      detail: { a: 1 },
    });
  });

  it('keeps each digit of its numbers, in the envelope and in what it is matched with', () => {
    const { buses, delivered } = aBus();
    buses.putRule({ name: 'org', bus: busName, eventPattern: '{"detail": {"orgId": [9007199254740993]}}' });
    buses.putTargets('org', [{ id: 'q', arn: queueArn('org') }], busName);
    put(buses, '{"orgId": 9007199254740992}');
    put(buses, '{"orgId": 9007199254740993, "score": 300.0}');
    expect(delivered).toHaveLength(1);
    expect(delivered[0]?.payload).toContain('"detail":{"orgId": 9007199254740993, "score": 300.0}');
    expect(parseJson(delivered[0]?.payload ?? '')).toBeTypeOf('object');
  });

  it('is printed again on its way: an escape that JSON does not need is gone', () => {
    const { buses, delivered } = aBus();
    aRule(buses, 'chats', { source: ['drift'] });
    put(buses, '{"a":"\\uffff","b":"\\u0000 \\\\uffff"}');
    expect(delivered[0]?.payload).toContain('"detail":{"a":"\uffff","b":"\\u0000 \\\\uffff"}');
  });

  it('reaches nobody by a rule that is disabled, on another bus, or gone', () => {
    const { buses, delivered } = aBus();
    aRule(buses, 'off', { source: ['drift'] }, { state: 'DISABLED' });
    aRule(buses, 'gone', { source: ['drift'] });
    buses.putRule({ name: 'default', eventPattern: '{"source": ["drift"]}' });
    buses.putTargets('default', [{ id: 'q', arn: queueArn('default') }]);
    buses.removeTargets('gone', ['queue'], busName);
    buses.deleteRule('gone', busName);
    put(buses, {});
    expect(delivered).toEqual([]);
    buses.enableRule('off', busName);
    put(buses, {});
    expect(namesOf(delivered)).toEqual(['off']);
    buses.disableRule('off', busName);
    put(buses, {});
    expect(delivered).toHaveLength(1);
  });

  it('is refused alone, with its reason, and the others of its request go on', () => {
    const { buses, delivered } = aBus();
    aRule(buses, 'all', { source: ['drift'] });
    const entry = { source: 'drift', detailType: 't', detail: '{}', bus: busName };
    const answers = buses.putEvents([
      { ...entry, detail: '{"a":' },
      { ...entry, detail: '[]' },
      { ...entry, detail: '{"id":9223372036854775808}' },
      { ...entry, detail: `${'{"a":'.repeat(1001)}1${'}'.repeat(1001)}` },
      { detailType: 't', detail: '{}' },
      { ...entry, source: 'aws.ec2' },
      { ...entry, bus: 'nowhere' },
      { ...entry, detailType: 't'.repeat(129) },
      { ...entry, source: 's'.repeat(257) },
      { ...entry, detailType: 't'.repeat(128) },
    ]);
    expect(answers.map((answer) => (answer.kind === 'refused' ? answer.errorCode : answer.kind))).toEqual([
      'MalformedDetail',
      'MalformedDetail',
      'MalformedDetail',
      'MalformedDetail',
      'InvalidArgument',
      'NotAuthorizedForSourceException',
      'InvalidArgument',
      'InvalidArgument',
      'InvalidArgument',
      'accepted',
    ]);
    expect(delivered).toHaveLength(1);
  });

  it('is found by each of many rules, however their patterns are filed', () => {
    const { buses, delivered } = aBus({ rulesPerBus: 2000 });
    for (let index = 0; index < 1000; index++) {
      aRule(buses, `sub-${index}`, {
        $or: [
          { source: ['drift'], 'detail-type': ['new_message'], detail: { orgId: [index % 100] } },
          { source: ['webhook-fanout'], 'detail-type': ['webhook_test'], detail: { data: { sub: [`s${index}`] } } },
        ],
      });
    }
    aRule(buses, 'prefix', { 'detail-type': [{ prefix: 'new_' }] });
    aRule(buses, 'source', { source: ['drift'], detail: { orgId: [{ numeric: ['=', 7] }] } });
    aRule(buses, 'any', { $or: [{ detail: { orgId: [7] } }, { detail: { tags: ['x'] } }] });
    put(buses, { orgId: 7, tags: ['x'] });
    expect(new Set(namesOf(delivered))).toEqual(
      new Set([...Array.from({ length: 10 }, (_, index) => `sub-${index * 100 + 7}`), 'prefix', 'source', 'any']),
    );
    expect(delivered).toHaveLength(13);
    delivered.length = 0;
    put(buses, { data: { sub: 's999' } }, { source: 'webhook-fanout', detailType: 'webhook_test' });
    expect(namesOf(delivered)).toEqual(['sub-999']);
  });
});

describe('a target', () => {
  it('with constant input gets that in place of the event', () => {
    const { buses, delivered } = aBus();
    buses.putRule({ name: 'r', bus: busName, eventPattern: '{"source": ["drift"]}' });
    buses.putTargets('r', [{ id: 'f', arn: queueArn('q'), input: '{"action":"go"}' }], busName);
    put(buses, {});
    expect(delivered[0]?.payload).toBe('{"action":"go"}');
  });

  it('that fails gets the event again, later and later, and at last its dead-letter queue does', async () => {
    const attempts: number[] = [];
    const dead: TargetDelivery[] = [];
    const measured: string[] = [];
    const { buses, clock } = aBus({
      measure: (_namespace, metric) => measured.push(metric),
      deliver: (delivery): DeliveryResult => {
        if (delivery.targetArn === queueArn('dlq')) {
          dead.push(delivery);
          return { kind: 'delivered' };
        }
        attempts.push(clock.now());
        return { kind: 'failed', errorCode: 'THROTTLING', errorMessage: 'busy' };
      },
    });
    buses.putRule({ name: 'r', bus: busName, eventPattern: '{"source": ["drift"]}' });
    buses.putTargets(
      'r',
      [{ id: 'f', arn: queueArn('q'), deadLetterArn: queueArn('dlq'), maximumRetryAttempts: 3 }],
      busName,
    );
    put(buses, {});
    await clock.advance(60_000);
    expect(attempts.map((at) => at - (attempts[0] ?? 0))).toEqual([0, 1000, 3000, 7000]);
    expect(dead).toHaveLength(1);
    expect(dead[0]?.attributes).toMatchObject({
      ERROR_CODE: 'THROTTLING',
      RETRY_ATTEMPTS: '3',
      EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
    });
    expect(measured.slice(-2)).toEqual(['FailedInvocations', 'InvocationsSentToDlq']);
  });

  it('that is gone as its dead-letter queue is counts as lost', async () => {
    const measured: string[] = [];
    const { buses } = aBus({
      measure: (_namespace, metric) => measured.push(metric),
      deliver: () => ({ kind: 'rejected', errorCode: 'NO_RESOURCE', errorMessage: 'gone' }),
    });
    buses.putRule({ name: 'r', bus: busName, eventPattern: '{"source": ["drift"]}' });
    buses.putTargets('r', [{ id: 'f', arn: queueArn('q'), deadLetterArn: queueArn('dlq') }], busName);
    put(buses, {});
    expect(measured.slice(-2)).toEqual(['FailedInvocations', 'InvocationsFailedToBeSentToDlq']);
  });

  it('that is gone gets nothing again, and the loss is told', async () => {
    const { buses, clock, dropped } = aBus({
      deliver: async () => ({ kind: 'rejected', errorCode: 'NO_RESOURCE', errorMessage: 'gone' }),
    });
    aRule(buses, 'r', { source: ['drift'] });
    put(buses, {});
    await buses.settled();
    expect(dropped).toEqual([[queueArn('r'), 'NO_RESOURCE']]);
    expect(clock.nextTimerAt()).toBeUndefined();
  });

  it('that throws is tried again', async () => {
    let calls = 0;
    const { buses, clock } = aBus({
      deliver: () => {
        calls++;
        if (calls === 1) throw new Error('bug');
        return { kind: 'delivered' };
      },
    });
    aRule(buses, 'r', { source: ['drift'] });
    put(buses, {});
    await clock.advance(1000);
    expect(calls).toBe(2);
  });
});

describe('a rule', () => {
  it('is replaced when it is put again, and keeps its targets', () => {
    const { buses } = aBus();
    const arn = aRule(buses, 'r', { source: ['a'] }, { description: 'old' });
    expect(arn).toBe('arn:aws:events:us-east-1:000000000000:rule/fanout/r');
    buses.putRule({ name: 'r', bus: busName, eventPattern: '{"source":["b"]}' });
    expect(buses.describeRule('r', busName)).toEqual({
      name: 'r',
      arn,
      busName,
      state: 'ENABLED',
      eventPattern: '{"source":["b"]}',
    });
    expect(buses.listTargets('r', busName)).toEqual([{ id: 'queue', arn: queueArn('r') }]);
  });

  it('can be deleted twice, but not while it has targets', () => {
    const { buses } = aBus();
    aRule(buses, 'r', { source: ['a'] });
    expect(codeOf(() => buses.deleteRule('r', busName))).toBe('ValidationException');
    buses.removeTargets('r', ['queue'], busName);
    buses.deleteRule('r', busName);
    buses.deleteRule('r', busName);
    expect(codeOf(() => buses.describeRule('r', busName))).toBe('ResourceNotFoundException');
  });

  it.each([
    [{ name: 'r', bus: busName, eventPattern: '{"source": "a"}' }, 'InvalidEventPatternException'],
    [{ name: 'r', bus: busName, eventPattern: `{"source": ["${'a'.repeat(2048)}"]}` }, 'ValidationException'],
    [{ name: 'a b', bus: busName, eventPattern: '{"source": ["a"]}' }, 'ValidationException'],
    [{ name: 'r', bus: busName }, 'ValidationException'],
    [{ name: 'r', bus: busName, scheduleExpression: 'rate(1 minute)' }, 'ValidationException'],
    [{ name: 'r', bus: 'nowhere', eventPattern: '{"source": ["a"]}' }, 'ResourceNotFoundException'],
  ])('is refused: %o', (rule, code) => {
    const { buses } = aBus();
    expect(codeOf(() => buses.putRule(rule))).toBe(code);
  });

  it.each([
    'rate(1 second)',
    'rate(0 minutes)',
    'rate(1 minutes)',
    'rate(5 minute)',
    'cron(0 12 * * ? *)',
    'every minute',
  ])('is refused with a schedule that is not served: %s', (scheduleExpression) => {
    const { buses } = aBus();
    expect(codeOf(() => buses.putRule({ name: 'r', scheduleExpression }))).toBe('ValidationException');
  });

  it('is refused beyond the quotas of rules and of targets', () => {
    const { buses } = aBus({ rulesPerBus: 3 });
    aRule(buses, 'a', { source: ['a'] });
    aRule(buses, 'b', { source: ['b'] });
    aRule(buses, 'c', { source: ['c'] });
    aRule(buses, 'c', { source: ['c', 'd'] });
    expect(codeOf(() => aRule(buses, 'd', { source: ['d'] }))).toBe('LimitExceededException');
    const targets = Array.from({ length: 5 }, (_, index) => ({ id: `t${index}`, arn: queueArn('q') }));
    expect(codeOf(() => buses.putTargets('a', targets, busName))).toBe('LimitExceededException');
  });

  it('with a schedule fires while it is enabled', async () => {
    const { buses, clock, delivered } = aBus();
    buses.putRule({ name: 'sweep', scheduleExpression: 'rate(1 minute)' });
    buses.putTargets('sweep', [{ id: 'f', arn: 'arn:aws:lambda:us-east-1:000000000000:function:sweep' }]);
    await clock.advance(150_000);
    expect(delivered).toHaveLength(2);
    expect(JSON.parse(delivered[0]?.payload ?? '')).toMatchObject({
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      time: '2020-06-01T10:01:00Z',
      resources: ['arn:aws:events:us-east-1:000000000000:rule/sweep'],
      detail: {},
    });
    buses.disableRule('sweep');
    await clock.advance(120_000);
    expect(delivered).toHaveLength(2);
    buses.enableRule('sweep');
    await clock.advance(60_000);
    expect(delivered).toHaveLength(3);
    buses.stop();
    await clock.advance(120_000);
    expect(delivered).toHaveLength(3);
  });

  it('with a schedule of hours counts them from when it was made', async () => {
    const { buses, clock, delivered } = aBus();
    buses.putRule({ name: 'reconcile', scheduleExpression: 'rate(2 hours)' });
    buses.putTargets('reconcile', [{ id: 'f', arn: 'arn:aws:lambda:us-east-1:000000000000:function:provision' }]);
    await clock.advance(4 * 3_600_000);
    expect(delivered.map(({ payload }) => JSON.parse(payload).time)).toEqual([
      '2020-06-01T12:00:00Z',
      '2020-06-01T14:00:00Z',
    ]);
  });
});

describe('a replay', () => {
  const archived = () => {
    const setup = aBus({ archiveBytes: 10_000_000 });
    const { buses, clock } = setup;
    const busArn = buses.bus(busName).arn;
    const archive = buses.createArchive({
      name: 'archive',
      eventSourceArn: busArn,
      eventPattern: '{"source": ["drift"]}',
      retentionDays: 1,
    });
    const ruleArns = ['one', 'two'].map((name) => aRule(buses, name, { source: ['drift', 'other'] }));
    const replay = (name: string, from: number, until: number, filterArns: string[] = []) =>
      buses.replays.start({
        name,
        eventSourceArn: archive.arn,
        destinationArn: busArn,
        filterArns,
        startTime: from,
        endTime: until,
      });
    return { ...setup, archive, replay, ruleArns, start: clock.now() };
  };

  it('brings the archived events of its time to the rules that are named, and tells its name', async () => {
    const { buses, clock, delivered, archive, replay, ruleArns, start } = archived();
    put(buses, '{"n": 9007199254740993}');
    put(buses, { n: 2 }, { source: 'other' });
    await clock.advance(10_000);
    put(buses, { n: 3 });
    delivered.length = 0;
    expect(replay('r', start, start + 5000, [ruleArns[1] ?? '']).state).toBe('STARTING');
    await clock.advance(1);
    expect(namesOf(delivered)).toEqual(['two']);
    expect(delivered[0]?.payload).toContain('"replay-name":"r","detail":{"n": 9007199254740993}');
    expect(buses.replays.describe('r')).toMatchObject({ state: 'COMPLETED', lastReplayedTime: start });
    expect(archive.between(0, clock.now() + 1)).toHaveLength(2);
  });

  it('brings all events to all rules, in the order in which they came', async () => {
    const { buses, clock, delivered, replay, start } = archived();
    for (let n = 0; n < 250; n++) put(buses, { n });
    delivered.length = 0;
    replay('r', start, start + 1000);
    await clock.advance(1);
    const received = delivered.filter(({ targetArn }) => targetArn.endsWith('two'));
    expect(received.map(({ payload }) => JSON.parse(payload).detail.n)).toEqual(
      Array.from({ length: 250 }, (_, n) => n),
    );
    expect(delivered).toHaveLength(500);
  });

  it('can be cancelled once, while it runs', async () => {
    const { buses, clock, delivered, replay, start } = archived();
    put(buses, { n: 1 });
    delivered.length = 0;
    replay('r', start, start + 1000);
    expect(buses.replays.cancel('r').state).toBe('CANCELLING');
    await clock.advance(1);
    expect(delivered).toEqual([]);
    expect(buses.replays.describe('r').state).toBe('CANCELLED');
    expect(codeOf(() => buses.replays.cancel('r'))).toBe('IllegalStatusException');
    expect(buses.replays.list().map(({ name, state }) => [name, state])).toEqual([['r', 'CANCELLED']]);
    expect(codeOf(() => replay('r', start, start + 1))).toBe('ResourceAlreadyExistsException');
    expect(codeOf(() => replay('s', start, start))).toBe('ValidationException');
    expect(codeOf(() => replay('s', start, start + 1, ['arn:aws:events:us-east-1:000000000000:rule/none']))).toBe(
      'ResourceNotFoundException',
    );
  });

  it('finds nothing that is older than the archive keeps', async () => {
    const { buses, clock, delivered, replay, start } = archived();
    put(buses, { n: 1 });
    await clock.advance(86_400_001);
    put(buses, { n: 2 });
    delivered.length = 0;
    replay('r', start, clock.now() + 1000);
    await clock.advance(1);
    expect(delivered.map(({ payload }) => JSON.parse(payload).detail.n)).toEqual([2, 2]);
  });

  it('finds the newest events only where there were more than the archive holds', () => {
    const { buses } = aBus({ archiveBytes: 3100 });
    const archive = buses.createArchive({ name: 'small', eventSourceArn: buses.bus(busName).arn });
    for (let n = 0; n < 50; n++) put(buses, { n: n + 100 });
    const kept = archive.between(0, Number.POSITIVE_INFINITY);
    expect(kept.map(({ detailText }) => JSON.parse(detailText).n)).toEqual(
      Array.from({ length: 10 }, (_, n) => n + 140),
    );
  });
});
