import { type AttributeValue, GetItemCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { tableSchemas } from '../contracts/table-schemas.ts';
import type { EventSummary, RecordedEvent } from '../domain/history/recorded-event.ts';
import {
  dayOf,
  endOfDayBefore,
  recordedAtOf,
  timeKeyOf,
  timePrefix,
  timeShardsOfDay,
} from '../domain/history/time-order.ts';
import { conversationKeyOf } from '../domain/inactivity/conversation-key.ts';
import type { EventHistory, EventPage, EventQuery } from '../manage/ports.ts';
import type { Clock } from '../ports/clock.ts';
import { fromAttributes } from './dynamo-attributes.ts';
import { type BatchDeps, batchGetAll } from './dynamo-batches.ts';

interface Options extends BatchDeps {
  readonly tableName: string;
  /** Nothing older is looked for: a list that has looked back so far has come to its end. */
  readonly keptDays: number;
  readonly clock: Clock;
}

const dayMs = 24 * 60 * 60 * 1000;

const { partitionKey, byTime, byConversation } = tableSchemas.events;
/** Queries for one answer at most; what is left comes with the next, which says from where. */
const maxQueriesPerAnswer = 60;
/** Items that one query looks at where a condition may leave few of them. */
const filteredPageSize = 500;

export function dynamoEventHistory(options: Options): EventHistory {
  const { client, tableName, keptDays, clock } = options;

  async function query(input: Omit<QueryCommandInput, 'TableName'>) {
    const { Items = [], LastEvaluatedKey } = await client.send(new QueryCommand({ TableName: tableName, ...input }));
    return { events: Items.map(summaryOf), last: LastEvaluatedKey?.[byTime.sortKey]?.S };
  }

  return {
    async read(webhookId) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: { [partitionKey]: { S: webhookId } }, ConsistentRead: true }),
      );
      return Item === undefined ? undefined : recordedOf(Item);
    },

    async readMany(webhookIds) {
      const found = await batchGetAll(options, {
        [tableName]: { Keys: [...new Set(webhookIds)].map((id) => ({ [partitionKey]: { S: id } })) },
      });
      return new Map((found.get(tableName) ?? []).map(recordedOf).map((event) => [event.webhookId, event]));
    },

    async list(asked) {
      const { orgId, conversationId } = asked;
      if (orgId !== undefined && conversationId !== undefined) {
        const partition = conversationKeyOf(orgId, conversationId);
        return mergeShards([partition], byConversation, asked, { left: maxQueriesPerAnswer }, query);
      }
      const budget = { left: maxQueriesPerAnswer };
      const events: EventSummary[] = [];
      const from = Math.max(asked.from, clock() - keptDays * dayMs);
      // Nothing is recorded in the future, but by a clock that is ahead: a list to the year 9999 would look at each day until today.
      let { to, before } = startOf({ ...asked, to: Math.min(asked.to, clock() + dayMs) });
      while (from <= to) {
        const day = dayOf(to);
        const startOfDay = endOfDayBefore(to) + 1;
        const page = await mergeShards(
          timeShardsOfDay(day),
          byTime,
          { ...asked, from: Math.max(from, startOfDay), to, before, limit: asked.limit - events.length },
          budget,
          query,
        );
        events.push(...page.events);
        if (page.next !== undefined) return { events, next: page.next };
        to = startOfDay - 1;
        if (to < from) break;
        before = undefined;
        // The day is done: the next answer begins with the day before.
        if (events.length >= asked.limit || budget.left < timeShardsOfDay(day).length) {
          return { events, next: timePrefix(startOfDay) };
        }
      }
      return { events };
    },
  };
}

/** A place without an id is the beginning of a day that is done. */
function startOf({ to, before }: EventQuery): { to: number; before: string | undefined } {
  if (before === undefined) return { to, before };
  const isEvent = before.includes('#');
  return { to: Math.min(to, recordedAtOf(before) - (isEvent ? 0 : 1)), before: isEvent ? before : undefined };
}

type Index = typeof byTime | typeof byConversation;
type RunQuery = (
  input: Omit<QueryCommandInput, 'TableName'>,
) => Promise<{ readonly events: readonly EventSummary[]; readonly last: string | undefined }>;

interface Shard {
  readonly partition: string;
  /** Read so far and not handed out, newest first. */
  readonly events: EventSummary[];
  /** What is newer than this was read; undefined: all of it. */
  readUntil: string | undefined;
  isDone: boolean;
}

/**
 * The newest events of several partitions in one order. An event is handed out only when no partition can still have a
 * newer one; where the budget ends before, `next` is the place up to which all of them were read.
 */
async function mergeShards(
  partitions: readonly string[],
  index: Index,
  query: EventQuery,
  budget: { left: number },
  run: RunQuery,
): Promise<EventPage> {
  const upper = query.before ?? timePrefix(query.to + 1);
  const shards: Shard[] = partitions.map((partition) => ({ partition, events: [], readUntil: upper, isDone: false }));
  const isFiltered =
    query.type !== undefined || (index === byTime && (query.orgId ?? query.conversationId) !== undefined);
  const limit = isFiltered ? filteredPageSize : query.limit + 1;
  for (;;) {
    const open = shards.filter(({ isDone }) => !isDone);
    const frontier = open.reduce((most, { readUntil = '' }) => (readUntil > most ? readUntil : most), '');
    const sure = shards
      .flatMap(({ events }) => events)
      .filter((event) => keyOf(event) >= frontier)
      .sort((one, other) => (keyOf(one) < keyOf(other) ? 1 : -1));
    if (sure.length > query.limit) {
      const events = sure.slice(0, query.limit);
      return { events, next: keyOf(events.at(-1) as EventSummary) };
    }
    if (open.length === 0) return { events: sure };
    if (budget.left <= 0) return { events: sure, next: frontier };
    const behind = open.filter(({ readUntil }) => readUntil === frontier);
    budget.left -= behind.length;
    await Promise.all(
      behind.map(async (shard) => {
        const { events, last } = await run({
          IndexName: index.name,
          ...conditions(shard.partition, index, query, shard.readUntil ?? upper),
          ScanIndexForward: false,
          Limit: limit,
        });
        // Both ends of BETWEEN are inclusive, and this one was read before.
        const upTo = shard.readUntil ?? upper;
        shard.events.push(...events.filter((event) => keyOf(event) < upTo));
        shard.isDone = last === undefined;
        shard.readUntil = last;
      }),
    );
  }
}

function conditions(
  partition: string,
  index: Index,
  { from, type, orgId, conversationId }: EventQuery,
  before: string,
) {
  const names: Record<string, string> = { '#partition': index.partitionKey, '#key': index.sortKey };
  const values: Record<string, AttributeValue> = {
    ':partition': { S: partition },
    ':from': { S: timePrefix(from) },
    ':before': { S: before },
  };
  const filters: string[] = [];
  const only = (name: string, value: string | undefined): void => {
    if (value === undefined) return;
    names[`#${name}`] = name;
    values[`:${name}`] = { S: value };
    filters.push(`#${name} = :${name}`);
  };
  only('type', type);
  if (index === byTime) {
    only('orgId', orgId);
    only('conversationId', conversationId);
  }
  return {
    KeyConditionExpression: '#partition = :partition AND #key BETWEEN :from AND :before',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ...(filters.length === 0 ? {} : { FilterExpression: filters.join(' AND ') }),
  };
}

const keyOf = ({ recordedAt, webhookId }: EventSummary): string => timeKeyOf(recordedAt, webhookId);

function summaryOf(item: Record<string, AttributeValue>): EventSummary {
  const { webhookId, source, type, orgId, conversationId, occurredAt, recordedAt, causedBy } = fromAttributes(
    item,
  ) as unknown as EventSummary;
  return {
    webhookId,
    source,
    type,
    ...(orgId === undefined ? {} : { orgId }),
    ...(conversationId === undefined ? {} : { conversationId }),
    occurredAt,
    recordedAt,
    ...(causedBy === undefined ? {} : { causedBy }),
  };
}

function recordedOf(item: Record<string, AttributeValue>): RecordedEvent {
  return { ...summaryOf(item), event: item.event?.S ?? '' };
}
