import { rulePattern } from '../../../lambdas/domain/subscriptions/rule-pattern.ts';
import { type CompiledPattern, matches, parseEventPattern } from '../../../lambdas/event-pattern/event-pattern.ts';
import type { JsonObject } from '../../../lambdas/json/json.ts';
import { indexPatterns } from '../../../local/aws/engine/pattern-index.ts';
import { times, withSpread } from '../figures.ts';
import { type Arm, comparePairs, type PairedComparison, ratioOf, spreadOf } from '../paired-comparison.ts';
import { atMost, type SectionOptions, type SectionReport } from '../section.ts';

const sizes = [10, 100, 300, 1000];
const eventTypes = [
  'new_message',
  'new_conversation',
  'conversation_push',
  'conversation_inactive',
  'conversation_manual_push',
  'contact_identified',
  'button_clicked',
  'new_meeting',
  'playbook_goal_met',
  'phone_captured',
];
const organisations = 200;
const limit = 2;

interface Measured {
  readonly size: number;
  readonly grown: PairedComparison;
  readonly oneByOne: PairedComparison;
  /** Rules that match an event, on average. */
  readonly found: number;
}

/** What it costs the local bus to find the rules that an event matches, as their number grows. */
export async function measureBus({ quick }: SectionOptions): Promise<SectionReport> {
  const rounds = quick ? { pairs: 6, warmUps: 3 } : { pairs: 40, warmUps: 10 };
  const events = Array.from({ length: 500 }, (_, index) => anEvent(index));
  const least = indexArm(compiledRules(sizes[0] ?? 10), events);
  const measured: Measured[] = [];
  for (const size of sizes) {
    const rules = compiledRules(size);
    const indexed = indexArm(rules, events);
    const grown = await comparePairs(indexed, least, rounds);
    // Comparing event by event with each rule is slow: fewer events, which the cost of one does not mind.
    const some = events.slice(0, Math.max(10, 5000 / size));
    const oneByOne = await comparePairs(oneByOneArm(rules, some), indexArm(rules, some), rounds);
    const index = indexPatterns(rules);
    const found = events.reduce((sum, event) => sum + index.match(event).length, 0) / events.length;
    measured.push({ size, grown, oneByOne, found });
  }
  const us = (cost: { cpuMs: number }): number => cost.cpuMs * 1000;
  const last = measured.at(-1);
  return {
    title: 'Bus',
    method: `The rules of subscribers as \`provision\` makes them: one to three of ${eventTypes.length} event types each, half of them for a few of ${organisations} organisations, a third with a filter on the data. An event of each type and organisation in turn is matched by the bus of the local run, which files rules by what they want to be equal, and one by one by the same matcher. (Deployed, EventBridge matches.) Every rule that matches has to be found, so cost may grow with their number; it must not grow with the number of the others.`,
    tables: [
      {
        head: [
          'rules',
          'that match an event',
          'CPU µs an event',
          'per rule found',
          'against 10 rules',
          'one by one, CPU µs',
          'against one by one',
        ],
        rows: measured.map(({ size, grown, oneByOne, found }) => [
          String(size),
          found.toFixed(1),
          withSpread(spreadOf(grown.pairs.map(({ first }) => us(first)))),
          (spreadOf(grown.pairs.map(({ first }) => us(first))).median / found).toFixed(2),
          withSpread(ratioOf(grown)),
          withSpread(spreadOf(oneByOne.pairs.map(({ first }) => us(first))), 1),
          withSpread(spreadOf(oneByOne.pairs.map(({ first, second }) => second.cpuMs / first.cpuMs)), 3),
        ]),
      },
    ],
    targets:
      last === undefined || measured[0] === undefined
        ? []
        : [
            atMost(
              'bus: cost per rule found at 1,000 rules against 10',
              limit,
              costPerFound(last) / costPerFound(measured[0]),
              times,
            ),
          ],
  };

  function costPerFound({ grown, found }: Measured): number {
    return spreadOf(grown.pairs.map(({ first }) => us(first))).median / Math.max(1, found);
  }
}

function compiledRules(count: number): (readonly [number, CompiledPattern])[] {
  return Array.from({ length: count }, (_, index) => {
    const types = Array.from(
      { length: 1 + (index % 3) },
      (_, step) => eventTypes[(index + 3 * step) % eventTypes.length] ?? '',
    );
    const pattern = rulePattern({
      subscriptionId: `sub_${String(index).padStart(24, '0')}`,
      eventTypes: [...new Set(types)],
      ...(index % 2 === 0
        ? { orgIds: [String(1000 + (index % organisations)), String(1000 + ((index * 7) % organisations))] }
        : {}),
      ...(index % 3 === 0 ? { filter: { status: ['closed'], author: { type: [{ 'anything-but': 'user' }] } } } : {}),
    });
    const parsed = parseEventPattern(JSON.stringify(pattern));
    if (parsed.kind === 'invalid') throw new Error(parsed.reason);
    return [index, parsed.pattern] as const;
  });
}

function anEvent(index: number): JsonObject {
  const type = eventTypes[index % eventTypes.length] ?? '';
  return {
    version: '0',
    id: `6a7e8feb-b491-4cf7-a9f1-${String(index).padStart(12, '0')}`,
    'detail-type': type,
    source: 'drift',
    account: '123456789012',
    time: '2026-11-22T12:00:00Z',
    region: 'eu-central-1',
    resources: [],
    detail: {
      id: `msg_${index}`,
      orgId: 1000 + (index % organisations),
      type,
      data: {
        id: 635760549 + index,
        conversationId: 123456789,
        status: index % 4 === 0 ? 'closed' : 'open',
        author: { type: index % 2 === 0 ? 'contact' : 'user', id: 903182234, bot: false },
        createdAt: 1591813167001,
      },
      occurredAt: 1591813167001,
    },
  };
}

type Rules = readonly (readonly [number, CompiledPattern])[];

function indexArm(rules: Rules, events: readonly JsonObject[]): Arm {
  const index = indexPatterns(rules);
  const rounds = Math.max(1, Math.round(5000 / events.length));
  let found = 0;
  return {
    name: 'index',
    async run() {
      for (let round = 0; round < rounds; round++) for (const event of events) found += index.match(event).length;
      if (found === 0) throw new Error('no rule matched');
      return rounds * events.length;
    },
  };
}

function oneByOneArm(rules: Rules, events: readonly JsonObject[]): Arm {
  let found = 0;
  return {
    name: 'one by one',
    async run() {
      for (const event of events) for (const [, pattern] of rules) if (matches(pattern, event)) found++;
      if (found === 0) throw new Error('no rule matched');
      return events.length;
    },
  };
}
