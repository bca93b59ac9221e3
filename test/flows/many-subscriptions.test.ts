import { ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { ListEventSourceMappingsCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { localAwsClients } from '../../lab/support/local-aws-clients.ts';
import { Subscriber } from '../../lab/support/subscriber.ts';
import { driftToken, FanoutProcess } from './fanout-process.ts';

const count = 200;

describe(`${count} subscriptions, created at once`, () => {
  it('all become ready, all get an event, and deleted, nothing is left of them', { timeout: 300_000 }, async () => {
    const fanout = await FanoutProcess.start();
    const subscriber = await Subscriber.start();
    const aws = localAwsClients(fanout.ready.aws);
    const made = async (): Promise<Record<string, number>> => {
      const [rules, queues, functions, mappings] = await Promise.all([
        aws.eventBridge.send(new ListRulesCommand({ EventBusName: fanout.ready.bus, Limit: 100 })),
        aws.sqs.send(new ListQueuesCommand({ MaxResults: 1000 })),
        allFunctions(),
        aws.lambda.send(new ListEventSourceMappingsCommand({ MaxItems: 10_000 })),
      ]);
      return {
        rules: rules.Rules?.length ?? 0,
        queues: queues.QueueUrls?.length ?? 0,
        functions,
        mappings: mappings.EventSourceMappings?.length ?? 0,
      };
    };
    async function allFunctions(): Promise<number> {
      let found = 0;
      let marker: string | undefined;
      do {
        const page = await aws.lambda.send(
          new ListFunctionsCommand({ ...(marker === undefined ? {} : { Marker: marker }) }),
        );
        found += page.Functions?.length ?? 0;
        marker = page.NextMarker;
      } while (marker !== undefined);
      return found;
    }

    const took: string[] = [];
    const step = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
      const startedAt = Date.now();
      const result = await work();
      took.push(`${name} ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
      return result;
    };
    try {
      const before = await made();
      const ids = await step('created', () =>
        Promise.all(
          Array.from({ length: count }, async (_, index) => {
            const { status, json, text } = await fanout.api('POST', '/v1/subscriptions', {
              url: `${subscriber.url}/${index}`,
              eventTypes: ['new_meeting'],
            });
            if (status !== 201) throw new Error(text);
            return (json as { subscriptionId: string }).subscriptionId;
          }),
        ),
      );
      await step('ready', async () => {
        for (const id of ids) await fanout.until(id, ({ provisioning }) => provisioning === 'ready', 120_000);
      });
      await step('delivered', async () => {
        await fanout.post({ orgId: 1, type: 'new_meeting', token: driftToken, data: { agentId: 1 } });
        await subscriber.until((deliveries) => deliveries.length >= count, 'an event at each', 120_000);
      });
      expect(new Set(subscriber.deliveries.map(({ path }) => path)).size).toBe(count);
      await step('deleted', async () => {
        await Promise.all(ids.map((id) => fanout.api('DELETE', `/v1/subscriptions/${id}`)));
        const deadline = Date.now() + 120_000;
        for (;;) {
          const left = await made();
          if (JSON.stringify(left) === JSON.stringify(before)) return;
          if (Date.now() > deadline)
            throw new Error(`before: ${JSON.stringify(before)}, left: ${JSON.stringify(left)}`);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      });
      console.log(`${count} subscriptions: ${took.join(', ')}`);
    } finally {
      await Promise.all([fanout.stop(), subscriber.stop()]);
    }
  });
});
