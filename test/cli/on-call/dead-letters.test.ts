import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../command-run.ts';
import { type StackOnLoopback, startStack } from './stack-on-loopback.ts';

let stack: StackOnLoopback;
beforeEach(async () => {
  stack = await startStack();
  const queueOf = (name: string, deadLetters?: string) => {
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${deadLetters}`,
      maxReceiveCount: 5,
    });
    stack.aws.queues.create(name, deadLetters === undefined ? {} : { RedrivePolicy });
    return { type: 'AWS::SQS::Queue', physicalId: `${stack.aws.url}/000000000000/${name}` };
  };
  stack.describe({
    ActivityDeadLetters4E0E28A6: queueOf('activity-letters'),
    ActivityQueue66F4A59C: queueOf('activity', 'activity-letters'),
    RoutesLostChangesAB12CD34: queueOf('lost'),
  });
  queueOf('fanout-local-crm-dlq');
  queueOf('fanout-local-crm', 'fanout-local-crm-dlq');
  queueOf('fanout-other-crm-dlq');
});
afterEach(() => stack.stop());

const put = (queue: string, ...bodies: string[]) =>
  bodies.map((body) => stack.aws.queues.get(queue).send({ body }).messageId);
const waiting = (queue: string) => stack.aws.queues.get(queue).counts().visible;
const json = async (...args: string[]) => JSON.parse((await stack.fanout([...args, '--json'])).out);

describe('list', () => {
  it('has the queues of the stack and those of its subscribers, and says with 7 that one is not empty', async () => {
    expect(await stack.fanout(['dead-letters', 'list'])).toMatchObject({ exitCode: 0, err: 'All 3 are empty.\n' });
    put('fanout-local-crm-dlq', 'one', 'two');
    const run = await stack.fanout(['dead-letters', 'list', '--json']);
    expect(run).toMatchObject({ exitCode: 7, err: '1 of 3 are not empty.\n' });
    expect(JSON.parse(run.out).queues).toMatchObject([
      { name: 'crm', waiting: 2, holds: 'events of the subscription' },
      { name: 'activity', waiting: 0, holds: 'activities that could not be noted' },
      { name: 'changes', waiting: 0 },
    ]);
  });
});

describe('show', () => {
  it('shows each message with what the bus said of it, and leaves all of them there', async () => {
    stack.aws.queues.get('fanout-local-crm-dlq').send({
      body: '{"detail-type":"new_message","detail":{"id":"msg_1","type":"new_message"}}',
      attributes: { ERROR_CODE: { DataType: 'String', StringValue: 'NO_PERMISSIONS' } },
    });
    put('fanout-local-crm-dlq', 'malformed');
    const { messages } = await json('dead-letters', 'show', 'crm');
    expect(messages).toMatchObject([
      { receiveCount: 1, attributes: { ERROR_CODE: 'NO_PERMISSIONS' } },
      { body: 'malformed' },
    ]);
    expect(waiting('fanout-local-crm-dlq')).toBe(2);
    const { out } = await stack.fanout(['dead-letters', 'show', 'crm']);
    expect(out).toMatch(/^Event +msg_1 \(new_message\)$/m);
    expect(out).toMatch(/^Body +malformed$/m);
  });

  it('shows as many as are asked for', async () => {
    put('activity-letters', ...Array.from({ length: 25 }, (_, n) => String(n)));
    expect((await json('dead-letters', 'show', 'activity')).messages).toHaveLength(10);
    expect((await json('dead-letters', 'show', 'activity', '--limit', '25')).messages).toHaveLength(25);
    expect(waiting('activity-letters')).toBe(25);
  });

  it('says which queues there are not', async () => {
    for (const name of ['erp', 'no such name', 'history']) {
      const run = await stack.fanout(['dead-letters', 'show', name]);
      expect(run.exitCode).toBe(4);
      expect(run.err).toContain(`webhook-fanout-local in us-east-1 has no dead-letter queue ${name}`);
    }
  });

  it('finds a subscription that is called as a queue of the stack is', async () => {
    stack.aws.queues.create('fanout-local-activity-dlq');
    put('fanout-local-activity-dlq', 'of the subscription');
    put('activity-letters', 'of the stack');
    expect((await json('dead-letters', 'list')).queues.map(({ name }: { name: string }) => name)).toContain(
      'subscription:activity',
    );
    const bodyOf = async (name: string) => (await json('dead-letters', 'show', name)).messages[0].body;
    expect(await bodyOf('activity')).toBe('of the stack');
    expect(await bodyOf('subscription:activity')).toBe('of the subscription');
  });
});

describe('put-back', () => {
  it.each([
    ['activity', 'activity-letters', 'activity'],
    ['crm', 'fanout-local-crm-dlq', 'fanout-local-crm'],
  ])('brings what lies in %s back, waits until it is done and says how many', async (name, from, to) => {
    put(from, ...Array.from({ length: 23 }, (_, n) => String(n)));
    const run = await stack.fanout(['dead-letters', 'put-back', name]);
    expect(run).toMatchObject({ exitCode: 0, out: '23 messages are back in the queue.\n' });
    expect(run.err).toContain('Again until it stays empty');
    expect([waiting(from), waiting(to)]).toEqual([0, 23]);
    expect(await stack.fanout(['dead-letters', 'put-back', name])).toEqual({
      exitCode: 0,
      out: '',
      err: `Nothing lies in ${name}.\n`,
    });
  });

  it('waits for a move that somebody else has begun', async () => {
    put('fanout-local-crm-dlq', ...Array.from({ length: 25 }, (_, n) => String(n)));
    const arn = (name: string) => stack.aws.queues.get(name).arn;
    const move = { sourceArn: arn('fanout-local-crm-dlq'), destinationArn: arn('fanout-local-crm') };
    stack.aws.queues.moves.start({ ...move, messagesPerSecond: 200 });
    const run = await stack.fanout(['dead-letters', 'put-back', 'crm']);
    expect(run).toMatchObject({ exitCode: 0, out: '25 messages are back in the queue.\n' });
    expect(run.err).toContain('Somebody is putting them back already');
  });

  it('stops waiting with 8, and says where the queue that they came from is gone', async () => {
    put('fanout-local-crm-dlq', ...Array.from({ length: 25 }, (_, n) => String(n)));
    const arn = (name: string) => stack.aws.queues.get(name).arn;
    const move = { sourceArn: arn('fanout-local-crm-dlq'), destinationArn: arn('fanout-local-crm') };
    const handle = stack.aws.queues.moves.start({ ...move, messagesPerSecond: 1 });
    const run = await stack.fanout(['dead-letters', 'put-back', 'crm', '--timeout', '2s']);
    expect(run).toMatchObject({ exitCode: 8, out: '' });
    stack.aws.queues.moves.cancel(handle);
    stack.aws.queues.delete('fanout-local-crm');
    const gone = await stack.fanout(['dead-letters', 'put-back', 'crm']);
    expect(gone).toMatchObject({ exitCode: 4, out: '' });
    expect(gone.err).toContain('the queue that they came from is gone: fanout-local-crm\n');
  });

  it('refuses what only says where changes stood in the stream', async () => {
    put('lost', '{}');
    const run = await stack.fanout(['dead-letters', 'put-back', 'changes']);
    expect(run).toMatchObject({ exitCode: 1, out: '' });
    expect(run.err).toContain('dead-letters drop changes --all');
  });
});

describe('drop', () => {
  it('deletes the one message that is named', async () => {
    const [, second = ''] = put('fanout-local-crm-dlq', 'one', 'two', 'three');
    expect(await stack.fanout(['dead-letters', 'drop', 'crm', second, '--yes'])).toMatchObject({ exitCode: 0 });
    const left = (await json('dead-letters', 'show', 'crm')).messages.map(({ body }: { body: string }) => body);
    expect(left.sort()).toEqual(['one', 'three']);
    expect(await stack.fanout(['dead-letters', 'drop', 'crm', second, '--yes'])).toMatchObject({ exitCode: 4 });
  });

  it('deletes all of them where --all says so', async () => {
    put('lost', 'one', 'two');
    expect(await stack.fanout(['dead-letters', 'drop', 'changes', '--all', '--yes'])).toMatchObject({ exitCode: 0 });
    expect(waiting('lost')).toBe(0);
  });

  it('drops nothing unasked, or where it is not said what', async () => {
    const [first = ''] = put('lost', 'one');
    expect(await stack.fanout(['dead-letters', 'drop', 'changes', first])).toMatchObject({ exitCode: 2 });
    expect(await stack.fanout(['dead-letters', 'drop', 'changes', '--yes'])).toMatchObject({ exitCode: 2 });
    expect(waiting('lost')).toBe(1);
  });
});

describe('where it looks', () => {
  it('is said when there is no such stack, or it is none of ours', async () => {
    const target = (name: string) => ['dead-letters', 'list', '--stack', name];
    stack.aws.stacks.add({ name: 'website', arn: 'arn', createdAt: 0, outputs: {}, resources: [] });
    const missing = await stack.onStack(target('webhook-fanout-none'));
    expect(missing).toMatchObject({ exitCode: 4, err: 'fanout: there is no stack webhook-fanout-none in eu-west-1\n' });
    const other = await stack.onStack(target('website'));
    expect(other).toMatchObject({ exitCode: 4 });
    expect(other.err).toContain('is no webhook fan-out');
  });

  it('needs a region and credentials, and says which is missing', async () => {
    const list = ['dead-letters', 'list', '--stack', 'webhook-fanout-local'];
    expect(await stack.onStack(list)).toMatchObject({ exitCode: 0 });
    for (const AWS_REGION of [undefined, '']) {
      expect(await stack.onStack(list, { AWS_REGION })).toMatchObject({
        exitCode: 2,
        err: 'fanout: no AWS region: add --region, or set AWS_REGION\n',
      });
    }
    const run = await stack.onStack(list, { AWS_ACCESS_KEY_ID: undefined });
    expect(run).toMatchObject({ exitCode: 5, out: '' });
    expect(run.err).toMatch(/^fanout: no AWS credentials/);
  });

  it('is the whole stack, however many pages CloudFormation needs for it', async () => {
    const tables = Object.fromEntries(
      Array.from({ length: 250 }, (_, n) => [`Table${n}`, { type: 'AWS::DynamoDB::Table', physicalId: `t${n}` }]),
    );
    const last = { type: 'AWS::SQS::Queue', physicalId: `${stack.aws.url}/000000000000/lost` };
    stack.describe({ ...tables, RoutesLostChangesAB12CD34: last });
    expect(await json('dead-letters', 'list')).toMatchObject({ queues: [{ name: 'changes' }, { name: 'crm' }] });
  });

  it('must be said where only the address of an API is known', async () => {
    const run = await runCommand(['dead-letters', 'list', '--api', 'https://abc.execute-api.eu-west-1.amazonaws.com']);
    expect(run).toMatchObject({ exitCode: 2, out: '' });
    expect(run.err).toContain('add --stack');
  });

  it('is said when nothing answers there', async () => {
    const run = await runCommand(['dead-letters', 'list'], { env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' } });
    expect(run).toMatchObject({ exitCode: 3, out: '' });
    expect(run.err).toMatch(/could not be looked up: .*\nIs the local run up\?/);
  });
});
