import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../local/aws/engine/engine-clock.ts';
import { createMovableClock } from '../../../../local/aws/engine/movable-clock.ts';
import type { OutputLine } from '../../../../local/aws/runtime/function-sandbox.ts';
import { accessKeyIdOf, type RunnableFunction } from '../../../../local/aws/runtime/runnable-function.ts';
import {
  createWorkerPool,
  type WorkerPool,
  type WorkerPoolOptions,
} from '../../../../local/aws/runtime/worker-pool.ts';
import { functionCode, removeFunctionCode } from './function-code.ts';

const pools: WorkerPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
  removeFunctionCode();
});

function aPool(options: Partial<WorkerPoolOptions> = {}): WorkerPool {
  const pool = createWorkerPool({
    clock: systemClock(),
    region: 'us-east-1',
    endpointUrl: () => 'http://127.0.0.1:1',
    ...options,
  });
  pools.push(pool);
  return pool;
}

function aFunction(source: string, settings: Partial<RunnableFunction> = {}): RunnableFunction {
  const name = settings.name ?? 'subject';
  return {
    name,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    codeDirectory: functionCode(source),
    handler: 'index.handler',
    environment: {},
    timeoutSeconds: 10,
    memoryMegabytes: 128,
    logGroupName: `/aws/lambda/${name}`,
    ...settings,
  };
}

const invoke = async (pool: WorkerPool, runnable: RunnableFunction, event: unknown = {}) => {
  const { payload, functionError } = await pool.invoke(runnable, JSON.stringify(event));
  return { answer: JSON.parse(payload) as Record<string, unknown>, functionError };
};

describe('a function', () => {
  test('is none of a file outside of its code, whatever its handler says', async () => {
    const outside = functionCode("export const handler = () => 'ran'", 'downloaded.mjs');
    const linked = aFunction('export const handler = () => 1');
    symlinkSync(join(outside, 'downloaded.mjs'), join(linked.codeDirectory, 'link.mjs'));
    const reached = { ...linked, handler: `${relative(linked.codeDirectory, outside)}/downloaded.handler` };
    for (const stranger of [reached, { ...linked, handler: 'link.handler' }]) {
      const { answer } = await invoke(aPool(), stranger);
      expect(answer.errorType).toBe('Runtime.ImportModuleError');
    }
  });

  test('gets the event and answers, digit for digit', async () => {
    const runnable = aFunction(
      'export const handler = async (event) => ({ ...event, big: JSON.rawJSON("9007199254740993") })',
    );
    const { payload } = await aPool().invoke(runnable, '{"a":1}');
    expect(payload).toBe('{"a":1,"big":9007199254740993}');
  });

  test('that answers nothing answers null', async () => {
    expect((await aPool().invoke(aFunction('export const handler = async () => {}'), '{}')).payload).toBe('null');
  });

  test('sees its own environment and what Lambda sets, and nothing of the machine', async () => {
    process.env.LEAKED_FROM_THE_MACHINE = 'yes';
    const source = 'export const handler = async () => process.env';
    const runnable = aFunction(source, { environment: { MINE: '1' }, decidesOnTraces: true });
    const { answer } = await invoke(aPool(), runnable);
    delete process.env.LEAKED_FROM_THE_MACHINE;
    expect(answer).toEqual({
      MINE: '1',
      _HANDLER: 'index.handler',
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1$/),
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: 'subject',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/subject',
      AWS_LAMBDA_LOG_STREAM_NAME: expect.any(String),
      AWS_ACCESS_KEY_ID: accessKeyIdOf(runnable.arn),
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_SESSION_TOKEN: 'local',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_CONFIG_FILE: expect.any(String),
      AWS_SHARED_CREDENTIALS_FILE: expect.any(String),
      LAMBDA_TASK_ROOT: runnable.codeDirectory,
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
    });
  });

  test('gets a context with its name, the request and the time that is left', async () => {
    const source = `export const handler = async (_event, context) => ({
      name: context.functionName, arn: context.invokedFunctionArn, memory: context.memoryLimitInMB,
      requestId: context.awsRequestId, left: context.getRemainingTimeInMillis(), version: context.functionVersion })`;
    const runnable = aFunction(source, { timeoutSeconds: 7 });
    const { payload } = await aPool().invoke(runnable, '{}', { requestId: 'request-1' });
    const answer = JSON.parse(payload) as Record<string, unknown>;
    expect(answer).toMatchObject({
      name: 'subject',
      arn: runnable.arn,
      memory: '128',
      requestId: 'request-1',
      version: '$LATEST',
    });
    expect(answer.left).toBeGreaterThan(5000);
    expect(answer.left).toBeLessThanOrEqual(7000);
  });

  test('lives in the time of the clock, also when that is moved while it waits for work', async () => {
    const clock = createMovableClock();
    const pool = aPool({ clock, machineClock: systemClock() });
    const source = `export const handler = async (event, context) => [
      Date.now(), new Date().getTime(), context.getRemainingTimeInMillis(), new Date(0).toISOString()]`;
    const runnable = aFunction(source);
    await invoke(pool, runnable);
    clock.advanceTo(clock.now() + 24 * 3_600_000);
    const before = clock.now();
    const { answer } = await invoke(pool, runnable);
    const [now, made, left, epoch] = Object.values(answer);
    for (const time of [now, made]) {
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(clock.now());
    }
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(10_000);
    expect(epoch).toBe('1970-01-01T00:00:00.000Z');
    expect(pool.workerCount()).toBe(1);
    expect(pool.isIdle()).toBe(true);
  });

  test('keeps its module from one invocation to the next', async () => {
    const pool = aPool();
    const runnable = aFunction('let calls = 0; export const handler = async () => ({ calls: ++calls })');
    await invoke(pool, runnable);
    expect((await invoke(pool, runnable)).answer).toEqual({ calls: 2 });
    expect(pool.workerCount()).toBe(1);
  });

  test('never has two invocations in one worker', async () => {
    const source = `let busy = 0;
      export const handler = async () => {
        const seen = ++busy;
        await new Promise((resolve) => setTimeout(resolve, 20));
        busy--;
        return { seen };
      }`;
    const pool = aPool();
    const runnable = aFunction(source);
    const answers = await Promise.all(Array.from({ length: 20 }, () => invoke(pool, runnable)));
    expect(new Set(answers.map(({ answer }) => answer.seen))).toEqual(new Set([1]));
  });

  test('gets more workers while work waits, up to its limit', async () => {
    const source = 'export const handler = () => new Promise((resolve) => setTimeout(resolve, 400))';
    const pool = aPool({ workersPerFunction: 3, hasSpareCpu: () => true });
    const runnable = aFunction(source);
    await Promise.all(Array.from({ length: 6 }, () => pool.invoke(runnable, '{}')));
    expect(pool.workerCount()).toBe(3);
  });

  test('gets no second worker while the machine is busy anyway', async () => {
    const pool = aPool({ hasSpareCpu: () => false });
    const runnable = aFunction('export const handler = () => new Promise((resolve) => setTimeout(resolve, 150))');
    await Promise.all(Array.from({ length: 4 }, () => pool.invoke(runnable, '{}')));
    expect(pool.workerCount()).toBe(1);
  });
});

describe('a failure', () => {
  test('of the handler is a function error in the shape of Lambda', async () => {
    const source = 'export const handler = async () => { throw new TypeError("no good") }';
    const { answer, functionError } = await invoke(aPool(), aFunction(source));
    expect(functionError).toBe('Unhandled');
    expect(answer).toEqual({ errorType: 'TypeError', errorMessage: 'no good', trace: expect.any(Array) });
  });

  test('to load the module is a function error, at each invocation', async () => {
    const pool = aPool();
    const runnable = aFunction('throw new Error("variable EVENT_BUS_NAME is missing"); export const handler = 1');
    const expected = { errorType: 'Error', errorMessage: 'variable EVENT_BUS_NAME is missing' };
    expect(await invoke(pool, runnable)).toMatchObject({ answer: expected, functionError: 'Unhandled' });
    expect(await invoke(pool, runnable)).toMatchObject({ answer: expected, functionError: 'Unhandled' });
  });

  test('to find the handler or its file names what is missing', async () => {
    const pool = aPool();
    const noHandler = await invoke(pool, aFunction('export const other = 1', { name: 'a' }));
    expect(noHandler.answer.errorType).toBe('Runtime.HandlerNotFound');
    const noFile = await invoke(pool, aFunction('', { name: 'b', handler: 'elsewhere.handler' }));
    expect(noFile.answer.errorType).toBe('Runtime.ImportModuleError');
  });

  test('to answer in time ends the worker, and the next invocation gets a new one', async () => {
    const source = `let calls = 0;
      export const handler = async ({ hang }) => { calls++; if (hang) for (;;); return { calls } }`;
    const pool = aPool();
    const runnable = aFunction(source, { timeoutSeconds: 1 });
    const { answer, functionError } = await invoke(pool, runnable, { hang: true });
    expect(functionError).toBe('Unhandled');
    expect(answer.errorType).toBe('Sandbox.Timedout');
    expect(answer.errorMessage).toContain('Task timed out after 1.00 seconds');
    expect((await invoke(pool, runnable)).answer).toEqual({ calls: 1 });
  });

  test.each([
    [
      'process.exit',
      'process.exit(3)',
      { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('exit status 3') },
    ],
    [
      'an uncaught exception',
      'setTimeout(() => { throw new RangeError("late") }, 1)',
      { errorType: 'RangeError', errorMessage: 'late' },
    ],
    [
      'an unhandled rejection',
      'void Promise.reject(new Error("dropped"))',
      { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: dropped' },
    ],
    [
      'more memory than it was given',
      'const hold = []; for (;;) hold.push(new Array(1e5).fill(Math.random()))',
      { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('signal: killed') },
    ],
  ])('by %s is a function error, and the worker is replaced', async (_name, statement, expected) => {
    const source = `export const handler = async ({ fail }) => {
      if (fail) { ${statement}; await new Promise(() => setTimeout(() => {}, 60_000)); }
      return { fine: true };
    }`;
    const pool = aPool();
    const runnable = aFunction(source);
    expect(await invoke(pool, runnable, { fail: true })).toMatchObject({
      answer: expected,
      functionError: 'Unhandled',
    });
    expect((await invoke(pool, runnable)).answer).toEqual({ fine: true });
  });

  test('to keep the answer under 6 MB is a function error', async () => {
    const source = 'export const handler = async () => "x".repeat(6 * 1024 * 1024 + 1)';
    expect((await invoke(aPool(), aFunction(source))).answer.errorType).toBe('Function.ResponseSizeTooLarge');
  });
});

describe('the pool', () => {
  test('hands on every line that a function writes, with its request, also when it runs out of time', async () => {
    const lines: OutputLine[] = [];
    const source = `console.log('loaded');
      export const handler = async () => {
        console.log(JSON.stringify({ level: 'INFO' }));
        console.error('to stderr');
        process.stdout.write('half a ');
        process.stdout.write('line');
        for (;;);
      }`;
    const pool = aPool({ onOutput: (line) => lines.push(line) });
    await pool.invoke(aFunction(source, { timeoutSeconds: 1 }), '{}', { requestId: 'r1' });
    expect(lines).toEqual([
      { functionName: 'subject', stream: 'stdout', text: 'loaded' },
      { functionName: 'subject', stream: 'stdout', text: '{"level":"INFO"}', requestId: 'r1' },
      { functionName: 'subject', stream: 'stderr', text: 'to stderr', requestId: 'r1' },
      { functionName: 'subject', stream: 'stdout', text: 'half a line', requestId: 'r1' },
    ]);
  });

  test('keeps the order of what a function writes, however much that is', async () => {
    const written: string[] = [];
    const source = `export const handler = async () => {
        for (let n = 0; n < 3000; n++) (n % 2 === 0 ? console.log : console.error)(n + ' ' + 'é'.repeat(n % 7 === 0 ? 300 : 2));
      }`;
    const pool = aPool({ onOutput: ({ text, requestId }) => written.push(`${requestId} ${text}`) });
    const runnable = aFunction(source);
    for (const requestId of ['r1', 'r2']) await pool.invoke(runnable, '{}', { requestId });
    const expected = ['r1', 'r2'].flatMap((id) =>
      Array.from({ length: 3000 }, (_, n) => `${id} ${n} ${'é'.repeat(n % 7 === 0 ? 300 : 2)}`),
    );
    expect(written).toEqual(expected);
  });

  test('hands on what a function writes while it still works', async () => {
    const pool = aPool({ onOutput: ({ text }) => (text === 'waiting' ? release() : undefined) });
    let release = (): void => {};
    const heard = new Promise<void>((resolve) => {
      release = resolve;
    });
    const runnable = aFunction(`export const handler = async () => {
        console.log('waiting');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      }`);
    const answered = pool.invoke(runnable, '{}').catch(() => {});
    await heard;
    await pool.stop();
    await answered;
  });

  test('runs new code after a change, and lets what is under way finish with the old', async () => {
    const pool = aPool();
    const slow = 'export const handler = () => new Promise((resolve) => setTimeout(resolve, 300, "old"))';
    const before = aFunction(slow);
    const underWay = pool.invoke(before, '{}');
    const after = aFunction('export const handler = async () => "new"');
    expect((await pool.invoke(after, '{}')).payload).toBe('"new"');
    expect((await underWay).payload).toBe('"old"');
  });

  test('ends workers that were idle for a minute', async () => {
    const clock = createMovableClock();
    const pool = aPool({ clock });
    await pool.invoke(aFunction('export const handler = async () => 1'), '{}');
    clock.advanceTo(clock.now() + 59_000);
    expect(pool.workerCount()).toBe(1);
    clock.advanceTo(clock.now() + 2_000);
    expect(pool.workerCount()).toBe(0);
  });

  test('has no more workers than places, and serves every function all the same', async () => {
    const pool = aPool({ workersInAll: 2 });
    const functions = Array.from({ length: 6 }, (_, index) =>
      aFunction(`export const handler = async () => ${index}`, { name: `f${index}` }),
    );
    const outcomes = await Promise.all(functions.map((runnable) => pool.invoke(runnable, '{}')));
    expect(outcomes.map(({ payload }) => payload)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(pool.workerCount()).toBeLessThanOrEqual(2);
  });

  test('does not let a busy function keep another one from its turn', async () => {
    const pool = aPool({ workersInAll: 1 });
    const busy = aFunction('export const handler = () => new Promise((resolve) => setTimeout(resolve, 100))', {
      name: 'busy',
    });
    let busyDone = 0;
    const all = Array.from({ length: 60 }, () =>
      pool.invoke(busy, '{}').then(
        () => busyDone++,
        () => {},
      ),
    );
    await pool.invoke(aFunction('export const handler = async () => 1', { name: 'patient' }), '{}');
    expect(busyDone).toBeLessThan(60);
    await pool.stop();
    await Promise.all(all);
  });

  test('gives up what is under way when it stops, and takes nothing new', async () => {
    const pool = aPool();
    const runnable = aFunction('export const handler = () => new Promise((resolve) => setTimeout(resolve, 60_000))');
    const underWay = expect(pool.invoke(runnable, '{}')).rejects.toThrow('stopping');
    await pool.stop();
    await underWay;
    await expect(pool.invoke(runnable, '{}')).rejects.toThrow('stopping');
    expect(pool.workerCount()).toBe(0);
  });
});
