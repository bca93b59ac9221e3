import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  InvalidParameterValueException,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionRecursionConfigCommand,
  ResourceConflictException,
  ResourceNotFoundException,
  TooManyRequestsException,
  UpdateEventSourceMappingCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type EngineClock, systemClock } from '../../../../local/aws/engine/engine-clock.ts';
import { countInvocation } from '../../../../local/aws/engine/trace-header.ts';
import { functionCode, removeFunctionCode } from '../runtime/function-code.ts';
import { type LocalAws, startLocalAws } from './local-aws.ts';

let aws: LocalAws;
let number = 0;
/** While it is set, new and changed functions stay as they are; what would have ended that waits in it. */
let held: (() => void)[] | undefined;
const functionClock: EngineClock = {
  now: () => Date.now(),
  setTimer(at, fire) {
    if (held === undefined) return systemClock().setTimer(at, fire);
    held.push(fire);
    return () => {};
  },
};
function release(): void {
  for (const fire of held ?? []) fire();
  held = undefined;
}

beforeAll(async () => {
  aws = await startLocalAws({
    functionClock,
    concurrency: 10,
    code: {
      'code/v1.zip': functionCode(`export const handler = async (event) => {
        if (event.fail) throw new Error('asked to');
        return { version: 1, event, mine: process.env.MINE };
      }`),
      'code/v2.zip': functionCode('export const handler = async () => ({ version: 2 })'),
      // Sends each message on to the queue that it comes from, and invokes itself where it comes from none.
      'code/loop.zip':
        functionCode(`import { InvokeCommand, LambdaClient } from '${import.meta.resolve('@aws-sdk/client-lambda')}';
      import { SendMessageCommand, SQSClient } from '${import.meta.resolve('@aws-sdk/client-sqs')}';
      const send = ({ AWS_LAMBDA_FUNCTION_NAME: FunctionName, QUEUE_URL: QueueUrl }, turn) => QueueUrl
        ? new SQSClient({}).send(new SendMessageCommand({ QueueUrl, MessageBody: String(turn) }))
        : new LambdaClient({}).send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: String(turn) }));
      export const handler = async (event) => {
        const turn = Number(event.Records?.[0].body ?? event);
        if (turn < 20) await send(process.env, turn + 1);
      }`),
    },
  });
});
afterAll(async () => {
  await aws.stop();
  removeFunctionCode();
});

const waiting = () => ({ client: aws.lambda, maxWaitTime: 10, minDelay: 0.02, maxDelay: 0.05 });

function settings(name = `function-${++number}`): CreateFunctionCommandInput & { FunctionName: string } {
  return {
    FunctionName: name,
    Runtime: 'nodejs24.x',
    Role: 'arn:aws:iam::000000000000:role/test',
    Handler: 'index.handler',
    Code: { S3Bucket: 'code', S3Key: 'v1.zip' },
    Environment: { Variables: { MINE: 'yes' } },
    Timeout: 5,
  };
}

async function aFunction(change: Partial<CreateFunctionCommandInput> = {}): Promise<string> {
  const input = settings();
  await aws.lambda.send(new CreateFunctionCommand({ ...input, ...change }));
  await waitUntilFunctionActiveV2(waiting(), { FunctionName: input.FunctionName });
  return input.FunctionName;
}

async function invoke(FunctionName: string, event: unknown = {}) {
  const answer = await aws.lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }));
  return { ...answer, payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as Record<string, unknown> };
}

describe('a function that goes on with itself', () => {
  const code = { Code: { S3Bucket: 'code', S3Key: 'loop.zip' }, Timeout: 30 };
  const upTo = (last: number) => Array.from({ length: last }, (_, index) => String(index + 1));
  /** As its own metric has it, and what the console was told. */
  const dropped = (name: string) => ({
    measured: aws.metrics
      .list()
      .filter(({ metric, dimensions }) => metric === 'RecursiveInvocationsDropped' && dimensions.FunctionName === name)
      .length,
    noticed: aws.loopsStopped.filter((arn) => arn.endsWith(`:${name}`)).length,
  });

  test.each<['Terminate' | 'Allow', string, number]>([
    ['Terminate', 'is stopped at the 17th turn', 17],
    ['Allow', 'turns as often as it likes', 20],
  ])('through its queue, its RecursiveLoop being %s, %s', async (loop, _what, sent) => {
    const QueueName = `loop-${loop}`;
    const { QueueUrl = '' } = await aws.sqs.send(
      new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '600' } }),
    );
    const queue = aws.queues.get(QueueName);
    const send = vi.spyOn(queue, 'send');
    const FunctionName = await aFunction({ ...code, Environment: { Variables: { QUEUE_URL: QueueUrl } } });
    await aws.lambda.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: loop }));
    await aws.lambda.send(new CreateEventSourceMappingCommand({ EventSourceArn: queue.arn, FunctionName }));
    await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '1' }));
    const left = loop === 'Allow' ? 0 : 1;
    await vi.waitFor(
      () => {
        expect(send).toHaveBeenCalledTimes(sent);
        expect(queue.counts()).toEqual({ visible: 0, inFlight: left, delayed: 0 });
        expect(dropped(FunctionName)).toEqual({ measured: left, noticed: left });
      },
      { timeout: 30_000 },
    );
    expect(send.mock.calls.map(([{ body }]) => body)).toEqual(upTo(sent));
  });

  test('by invoking itself: the 17th is dropped for good', async () => {
    const FunctionName = await aFunction(code);
    const invoked = vi.spyOn(aws.functions, 'invoke');
    await aws.lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: '1' }));
    await vi.waitFor(() => expect(dropped(FunctionName)).toEqual({ measured: 1, noticed: 1 }), { timeout: 30_000 });
    const payloads = invoked.mock.calls.flatMap(([arn, payload]) => (`${arn}`.endsWith(FunctionName) ? [payload] : []));
    expect(payloads).toEqual(upTo(17));
    expect(aws.functions.asyncInvocations.pending()).toBe(0);
  });

  test('is refused where somebody waits for its answer', async () => {
    const FunctionName = await aFunction();
    let chain: string | undefined;
    for (let turn = 0; turn < 16; turn++)
      chain = countInvocation(chain, aws.functions.describe(FunctionName).arn).header;
    await expect(aws.functions.invoke(FunctionName, '{}', chain)).rejects.toMatchObject({
      code: 'RecursiveInvocationException',
    });
    await expect(aws.functions.invoke(FunctionName, '{}')).resolves.not.toHaveProperty('functionError');
  });
});

describe('a function', () => {
  test('is pending first, and refuses to run until it is active', async () => {
    const input = settings();
    held = [];
    const created = await aws.lambda.send(new CreateFunctionCommand(input));
    expect(created).toMatchObject({ State: 'Pending', FunctionArn: expect.stringContaining(input.FunctionName) });
    await expect(invoke(input.FunctionName)).rejects.toThrow(ResourceConflictException);
    release();
    await waitUntilFunctionActiveV2(waiting(), { FunctionName: input.FunctionName });
    const answer = await invoke(input.FunctionName, { a: 1 });
    expect(answer).toMatchObject({ StatusCode: 200, payload: { version: 1, event: { a: 1 }, mine: 'yes' } });
    expect(answer.FunctionError).toBeUndefined();
  });

  test('that is there already is a ResourceConflictException', async () => {
    const name = await aFunction();
    await expect(aws.lambda.send(new CreateFunctionCommand(settings(name)))).rejects.toThrow(ResourceConflictException);
  });

  test('that is not there is a ResourceNotFoundException', async () => {
    await expect(invoke('nobody')).rejects.toThrow(ResourceNotFoundException);
    await expect(aws.lambda.send(new GetFunctionCommand({ FunctionName: 'nobody' }))).rejects.toThrow(
      ResourceNotFoundException,
    );
    await expect(aws.lambda.send(new DeleteFunctionCommand({ FunctionName: 'nobody' }))).rejects.toThrow(
      ResourceNotFoundException,
    );
  });

  test.each([
    [{ Code: { S3Bucket: 'code', S3Key: 'gone.zip' } }, 'NoSuchKey'],
    [{ Runtime: 'python3.13' as never }, 'Node.js only'],
    [{ Timeout: 901 }, 'Timeout is 901'],
    [{ Environment: { Variables: { AWS_REGION: 'x' } } }, 'reserved keys'],
    [{ Environment: { Variables: { NODE_OPTIONS: '--import data:text/javascript,x' } } }, 'no NODE_ variables'],
    [{ Environment: { Variables: { BIG: 'x'.repeat(5000) } } }, '4KB'],
    [
      { Layers: ['arn:aws:lambda:us-east-1:000000000000:layer:x:1'] },
      'lambda.CreateFunction: Layers is not served here',
    ],
  ] as [Partial<CreateFunctionCommandInput>, string][])('is refused with %j', async (change, message) => {
    const create = aws.lambda.send(new CreateFunctionCommand({ ...settings(), ...change }));
    await expect(create).rejects.toThrow(InvalidParameterValueException);
    await expect(create).rejects.toThrow(message);
  });

  test('runs new code and new settings when the update has ended, and takes no second one before', async () => {
    const FunctionName = await aFunction();
    await invoke(FunctionName);
    held = [];
    const update = new UpdateFunctionCodeCommand({ FunctionName, S3Bucket: 'code', S3Key: 'v2.zip' });
    expect((await aws.lambda.send(update)).LastUpdateStatus).toBe('InProgress');
    await expect(
      aws.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, MemorySize: 256 })),
    ).rejects.toThrow(ResourceConflictException);
    expect((await invoke(FunctionName)).payload).toMatchObject({ version: 1 });
    release();
    await waitUntilFunctionUpdatedV2(waiting(), { FunctionName });
    expect((await invoke(FunctionName)).payload).toEqual({ version: 2 });

    await aws.lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName,
        MemorySize: 256,
        Environment: { Variables: { MINE: 'new' } },
      }),
    );
    await waitUntilFunctionUpdatedV2(waiting(), { FunctionName });
    const configuration = await aws.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    expect(configuration).toMatchObject({ MemorySize: 256, Timeout: 5, Environment: { Variables: { MINE: 'new' } } });
  });

  test('has a code hash that changes with the code only', async () => {
    const [one, same, other] = await Promise.all([
      aFunction(),
      aFunction(),
      aFunction({ Code: { S3Bucket: 'code', S3Key: 'v2.zip' } }),
    ]);
    const hashOf = async (FunctionName: string) =>
      (await aws.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }))).CodeSha256;
    expect(await hashOf(one)).toBe(await hashOf(same));
    expect(await hashOf(one)).not.toBe(await hashOf(other));
  });

  test('shows its error to who invokes it', async () => {
    const answer = await invoke(await aFunction(), { fail: true });
    expect(answer).toMatchObject({
      StatusCode: 200,
      FunctionError: 'Unhandled',
      payload: { errorType: 'Error', errorMessage: 'asked to' },
    });
  });

  test('invoked as an event is answered 202 at once', async () => {
    const FunctionName = await aFunction();
    const answer = await aws.lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: '{}' }));
    expect(answer.StatusCode).toBe(202);
  });

  test('with no concurrency left is throttled', async () => {
    const FunctionName = await aFunction();
    const reserved = async () => {
      const answer = await aws.lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }));
      return answer.ReservedConcurrentExecutions;
    };
    expect(await reserved()).toBeUndefined();
    await aws.lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    expect(await reserved()).toBe(0);
    await expect(invoke(FunctionName)).rejects.toThrow(TooManyRequestsException);
    expect(aws.metrics.list()).toContainEqual({
      namespace: 'AWS/Lambda',
      metric: 'Throttles',
      dimensions: { FunctionName },
    });
    await aws.lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
    expect(await invoke(FunctionName)).toMatchObject({ payload: { version: 1 } });
  });

  test('with as many invocations under way as there may be is throttled, and takes more once they have ended', async () => {
    const FunctionName = await aFunction();
    const answers = await Promise.allSettled(Array.from({ length: 12 }, () => invoke(FunctionName)));
    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(refusals).toHaveLength(2);
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(TooManyRequestsException);
    expect(await invoke(FunctionName)).toMatchObject({ payload: { version: 1 } });
  });

  test('lets in whom a permission of its own names, once', async () => {
    const FunctionName = await aFunction();
    const permission = { statementId: 's1', action: 'lambda:InvokeFunction', principal: 'events.amazonaws.com' };
    expect(aws.functions.policyText(FunctionName)).toBeUndefined();
    aws.functions.addPermission(FunctionName, permission);
    expect(() => aws.functions.addPermission(FunctionName, permission)).toThrow('already exists');
    expect(JSON.parse(aws.functions.policyText(FunctionName) ?? '')).toMatchObject({
      Statement: [{ Sid: 's1', Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' } }],
    });
  });

  test.each([0, -1, 10_001, 1.5])('is not listed in pages of %d', async (MaxItems) => {
    const list = aws.lambda.send(new ListFunctionsCommand({ MaxItems }));
    await expect(list).rejects.toMatchObject({ name: 'ValidationException', $metadata: { httpStatusCode: 400 } });
    await expect(list).rejects.toThrow("at 'maxItems' failed to satisfy constraint");
  });

  test('is listed page by page, and gone when it is deleted', async () => {
    const names = [await aFunction(), await aFunction(), await aFunction()];
    const listed: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await aws.lambda.send(new ListFunctionsCommand({ MaxItems: 2, ...(Marker && { Marker }) }));
      listed.push(...(page.Functions ?? []).map((each) => each.FunctionName ?? ''));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    expect(listed).toEqual(expect.arrayContaining(names));

    const [FunctionName = ''] = names;
    await aws.lambda.send(new DeleteFunctionCommand({ FunctionName }));
    await expect(invoke(FunctionName)).rejects.toThrow(ResourceNotFoundException);
  });

  test('calls AWS under an access key of its own', async () => {
    const FunctionName = await aFunction();
    const { Configuration } = await aws.lambda.send(new GetFunctionCommand({ FunctionName }));
    expect(aws.calls.at(-1)).toMatchObject({ accessKeyId: 'AKIATESTER', service: 'lambda', operation: 'GetFunction' });
    const key = (await import('../../../../local/aws/runtime/runnable-function.ts')).accessKeyIdOf(
      Configuration?.FunctionArn ?? '',
    );
    expect(aws.functions.findByAccessKey(key)?.name).toBe(FunctionName);
  });
});

describe('an event source mapping', () => {
  async function aQueue(VisibilityTimeout = '60'): Promise<{ url: string; arn: string }> {
    const created = await aws.sqs.send(
      new CreateQueueCommand({ QueueName: `queue-${++number}`, Attributes: { VisibilityTimeout } }),
    );
    const url = created.QueueUrl ?? '';
    const read = await aws.sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }));
    return { url, arn: read.Attributes?.QueueArn ?? '' };
  }

  const mappingOf = async (uuid: string | undefined) => {
    const { EventSourceMappings = [] } = await aws.lambda.send(new ListEventSourceMappingsCommand({}));
    return EventSourceMappings.find(({ UUID }) => UUID === uuid);
  };

  test('hands the messages of a queue to the function, and deletes them', async () => {
    const FunctionName = await aFunction();
    const { url, arn } = await aQueue();
    const created = await aws.lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn: arn, BatchSize: 1 }),
    );
    expect(created).toMatchObject({
      EventSourceArn: arn,
      BatchSize: 1,
      FunctionArn: expect.stringContaining(FunctionName),
    });
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'hello' }));
    await vi.waitFor(async () => {
      expect((await mappingOf(created.UUID))?.LastProcessingResult).toBe('OK');
      const queue = aws.queues.findByArn(arn);
      expect(queue?.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    }, 10_000);
  });

  test('is changed, listed by function and by queue, and deleted', async () => {
    const FunctionName = await aFunction();
    const { arn: EventSourceArn } = await aQueue();
    const { UUID = '' } = await aws.lambda.send(
      new CreateEventSourceMappingCommand({
        FunctionName,
        EventSourceArn,
        Enabled: false,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 50 },
      }),
    );
    await expect(
      aws.lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn })),
    ).rejects.toThrow(ResourceConflictException);
    await aws.lambda.send(
      new UpdateEventSourceMappingCommand({ UUID, Enabled: true, ScalingConfig: { MaximumConcurrency: 7 } }),
    );
    await vi.waitFor(async () => {
      const read = await mappingOf(UUID);
      expect(read).toMatchObject({
        State: 'Enabled',
        ScalingConfig: { MaximumConcurrency: 7 },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
      expect(read?.LastModified).toBeInstanceOf(Date);
    }, 10_000);
    const listed = await aws.lambda.send(new ListEventSourceMappingsCommand({ EventSourceArn, FunctionName }));
    expect(listed.EventSourceMappings?.map((each) => each.UUID)).toEqual([UUID]);

    expect((await aws.lambda.send(new DeleteEventSourceMappingCommand({ UUID }))).State).toBe('Deleting');
    await vi.waitFor(async () => expect(await mappingOf(UUID)).toBeUndefined(), 10_000);
  });

  test('is refused where the queue would hand a message out again while it is worked on', async () => {
    const FunctionName = await aFunction({ Timeout: 90 });
    const { arn: EventSourceArn } = await aQueue('30');
    const create = aws.lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn }));
    await expect(create).rejects.toThrow(
      'Queue visibility timeout: 30 seconds is less than Function timeout: 90 seconds',
    );
  });

  test('is refused for a function, a queue or an option that is not there', async () => {
    const FunctionName = await aFunction();
    const { arn: EventSourceArn } = await aQueue();
    const refusal = (change: object) =>
      aws.lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn, ...change })).then(
        () => undefined,
        (error: Error) => error,
      );
    for (const change of [
      { FunctionName: 'nobody' },
      { EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:nobody' },
      { ScalingConfig: { MaximumConcurrency: 1 } },
      { MetricsConfig: { Metrics: ['EventCount'] } },
    ]) {
      expect(await refusal(change)).toBeInstanceOf(InvalidParameterValueException);
    }
  });
});
