import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import type { Item } from '../../../local/aws/wire/dynalite.ts';
import { itemSizeBytes } from '../../../local/aws/wire/write-units.ts';
import { synthesise } from '../../support/synthesised.ts';
import type { TemplateFacts } from '../units.ts';
import type { Counted } from './counts.ts';
import { deliverBatch, deliverOne, warmUp } from './deliver.ts';
import { clientOptions, pause, type Stage, startStage } from './stage.ts';
import { type ScheduledRule, scheduledRules, templateFacts } from './template-facts.ts';

/** What was played on the local run, and what it counted. */
export interface Runs {
  readonly subscriptionId: string;
  readonly template: TemplateFacts;
  readonly oneByOne: Run & { readonly posts: number; readonly answerBytes: number; readonly sentBytes: number };
  readonly fullBatch: Run & { readonly messages: number };
  /** One delivery whose first attempt fails. */
  readonly failedOnce: Run;
  readonly refused: Run & { readonly posts: number };
  /** One conversation: of one message; and of two, of which the second comes before the timer is due. */
  readonly firing: Run;
  readonly rearming: Run;
  readonly scheduled: readonly ScheduledRun[];
  readonly items: {
    readonly deliveredBytes: number;
    readonly failedBytes: number;
    readonly undeliveredEntry: Item;
    /** Of an answer of 9 KB. */
    readonly keptAnswerBytes: { readonly delivered: number; readonly failed: number };
    readonly eventBytes: number;
    readonly eventIndexBytes: number;
    readonly eventIndexes: number;
  };
  /** Names of our own metrics, with their dimensions' values: there at first, and after events, and at the end. */
  readonly metrics: {
    readonly atRest: readonly string[];
    readonly underLoad: readonly string[];
    readonly all: readonly string[];
  };
}

export interface Run {
  readonly counted: Counted;
}

export interface ScheduledRun {
  readonly rule: ScheduledRule;
  readonly functionName: string;
  readonly none: Counted;
  readonly some: Counted;
  readonly subscribers: number;
}

/** Of conversations whose timers do not fire; and of those whose do. */
const busyOrg = 1;
const quietOrg = 2;
/** Longer than two windows of track-activity: it has written down the second message before the timer is due. */
const quietSeconds = 6;
const eventBytes = 400;
const longAnswerBytes = 9_000;
const subscribers = 5;

/** Plays all of it; about a minute. */
export async function playRuns(note: (text: string) => void): Promise<Runs> {
  const stage = await startStage(quietSeconds);
  const dynamo = new DynamoDBClient(clientOptions(stage.stack));
  const itemsOf = async (TableName: string, IndexName?: string): Promise<Item[]> => {
    const { Items = [] } = await dynamo.send(new ScanCommand({ TableName, ...(IndexName && { IndexName }) }));
    return Items as unknown as Item[];
  };
  const { deliveries, events } = stage.stack.tables;
  try {
    const traced = synthesise({ stage: 'local', traces: 'on' }).Resources;
    note('what runs by the clock, without subscribers');
    const rules = scheduledRules(stage.resources, traced);
    const none = await runScheduled(stage, rules);
    const atRest = ownMetrics(stage);

    note('posts, one by one');
    const [subscriptionId = ''] = await stage.subscribe(busyOrg, 1);
    const audience = { orgId: busyOrg, fanOut: 1 };
    await stage.count(() => warmUp(stage, audience));
    const posts = 6;
    const sentBefore = stage.receiver.sentBytes;
    let answerBytes = 0;
    const oneByOne = await stage.count(async () => {
      for (let post = 0; post < posts; post++) answerBytes = await deliverOne(stage, eventBytes, audience);
    });
    const sentBytes = stage.receiver.sentBytes - sentBefore;
    const underLoad = ownMetrics(stage);
    const deliveredBytes = averageBytes(await itemsOf(deliveries));
    const recorded = await itemsOf(events);
    const entries = [...(await itemsOf(events, 'by-time')), ...(await itemsOf(events, 'by-conversation'))];

    note('a full batch');
    const messages = 10;
    const fullBatch = await stage.count(() => deliverBatch(stage, messages, eventBytes, audience));

    note('long answers, failures, strangers');
    stage.receiver.answer({ bytes: longAnswerBytes });
    await stage.count(() => deliverOne(stage, eventBytes, audience));
    const longDelivered = Math.max(...(await itemsOf(deliveries)).map(keptBytes));
    const failing = async (bytes: number) => {
      stage.receiver.answer({ bytes, failFirst: true });
      const { failed } = stage.receiver;
      const delivered = deliverOne(stage, eventBytes, audience);
      await stage.receiver.until(() => stage.receiver.failed > failed);
      await pause(500);
      const [entry = {}] = await itemsOf(deliveries, 'undelivered');
      const [item = {}] = (await itemsOf(deliveries)).filter(({ state }) => state?.S === 'retrying');
      await delivered;
      return { item, entry };
    };
    const failed = await failing(0);
    const failedLong = await failing(longAnswerBytes);
    // Once more, without looking: looks are reads of tables too.
    stage.receiver.answer({ bytes: 0, failFirst: true });
    const failedOnce = await stage.count(() => deliverOne(stage, eventBytes, audience));
    stage.receiver.answer({ bytes: 0 });
    const refusals = 3;
    const refused = await stage.count(async () => {
      for (let post = 0; post < refusals; post++) {
        await stage.post({ orgId: busyOrg, conversationId: 1, eventBytes, token: 'wrong' });
      }
    });

    note('timers');
    const firing = await stage.count(async () => {
      await stage.post({ orgId: quietOrg, conversationId: 100, eventBytes });
      await pause((quietSeconds + 2) * 1000);
    });
    const rearming = await stage.count(async () => {
      await stage.post({ orgId: quietOrg, conversationId: 101, eventBytes });
      await pause(2_500);
      await stage.post({ orgId: quietOrg, conversationId: 101, eventBytes });
      await pause((quietSeconds + 2) * 1000);
    });

    note('what runs by the clock, with subscribers');
    await stage.subscribe(quietOrg, subscribers - 1);
    const some = await runScheduled(stage, rules);

    return {
      subscriptionId,
      template: templateFacts(stage.resources, traced, await madeAtRunTime(stage, subscriptionId)),
      oneByOne: { counted: oneByOne, posts, answerBytes, sentBytes },
      fullBatch: { counted: fullBatch, messages },
      failedOnce: { counted: failedOnce },
      refused: { counted: refused, posts: refusals },
      firing: { counted: firing },
      rearming: { counted: rearming },
      scheduled: rules.map((rule, index) => ({
        rule,
        functionName: functionOf(stage, rule),
        none: none[index] as Counted,
        some: some[index] as Counted,
        subscribers,
      })),
      items: {
        deliveredBytes,
        failedBytes: itemSizeBytes(failed.item),
        undeliveredEntry: failed.entry,
        keptAnswerBytes: { delivered: longDelivered, failed: keptBytes(failedLong.item) },
        eventBytes: averageBytes(recorded),
        eventIndexBytes: (averageBytes(entries) * entries.length) / recorded.length,
        eventIndexes: entries.length / recorded.length,
      },
      metrics: { atRest, underLoad, all: ownMetrics(stage) },
    };
  } finally {
    dynamo.destroy();
    await stage.stop();
  }
}

async function runScheduled(stage: Stage, rules: readonly ScheduledRule[]): Promise<Counted[]> {
  const counted: Counted[] = [];
  for (const rule of rules) {
    const name = functionOf(stage, rule);
    // The first is cold, and what it sends to other functions is not the second's.
    await stage.count(() => stage.stack.functions.invoke(name, rule.payload));
    counted.push(await stage.count(() => stage.stack.functions.invoke(name, rule.payload)));
  }
  return counted;
}

function functionOf({ stack }: Stage, { functionId }: ScheduledRule): string {
  // A name of 64 characters has not room for all of it.
  const found = stack.functions.list().find(({ name }) => name.includes(functionId.slice(0, 20)));
  if (found === undefined) throw new Error(`there is no function ${functionId}`);
  return found.name;
}

async function madeAtRunTime({ stack }: Stage, subscriptionId: string) {
  const lambda = new LambdaClient(clientOptions(stack));
  const deliver = stack.functions.list().find(({ name }) => name.endsWith(subscriptionId));
  const { EventSourceMappings: [mapping] = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: deliver?.name }),
  );
  lambda.destroy();
  return {
    deliverMemoryMegabytes: deliver?.memoryMegabytes ?? 0,
    // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    subscriberPollers: mapping?.ScalingConfig?.MaximumConcurrency === undefined ? 2 : 5,
  };
}

function ownMetrics({ metrics }: Stage): string[] {
  return metrics
    .list()
    .filter(({ namespace }) => namespace.startsWith('WebhookFanout'))
    .map(({ metric, dimensions }) => [metric, ...Object.values(dimensions).slice(1)].join(' '));
}

function keptBytes({ responseHead }: Item): number {
  return Buffer.byteLength(String(responseHead?.S ?? ''));
}

function averageBytes(items: readonly Item[]): number {
  return items.reduce((sum, item) => sum + itemSizeBytes(item), 0) / Math.max(1, items.length);
}
