// What runs inside of a worker thread: Lambda's runtime for one function. Plain JavaScript, because type stripping
// would load its compiler into every worker: 30 ms and 8 MB each, and there can be hundreds.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { moveDates } from './moved-date.mjs';

/** @typedef {{ kind: 'invoke', payload: string, requestId: string, deadline: number, traceId: string }} Invocation */

const { bundleUrl, handlerName, functionArn, logStreamName, codeCacheDirectory, outputMemory, aheadMs } = workerData;

if (aheadMs !== undefined) moveDates(() => Number(Atomics.load(aheadMs, 0)));

// Compiling is a fifth of a start; what one worker has compiled the next one reads.
if (codeCacheDirectory !== undefined) enableCompileCache(codeCacheDirectory);

// Layout and purpose: output-memory.ts.
const outputHeadBytes = 4;
const recordHeadBytes = 5;
const written = new Int32Array(outputMemory, 0, 1);
const records = Buffer.from(outputMemory, outputHeadBytes);
// Long enough for most invocations to end before it, short enough for who watches a long one.
const tellAfterMs = 50;
let isInvoked = false;
let isFull = false;
let tellTimer;

for (const [name, stream] of [
  ['stdout', process.stdout],
  ['stderr', process.stderr],
]) {
  stream.write = (chunk, encoding, callback) => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (!isInvoked || isFull || !keep(name, bytes)) {
      // From here on everything goes by message, or the order would be lost.
      isFull = isInvoked;
      parentPort.postMessage({ kind: 'output', stream: name, text: Buffer.from(bytes).toString('utf8') });
    }
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') queueMicrotask(done);
    return true;
  };
}

function keep(name, bytes) {
  const at = Atomics.load(written, 0);
  const end = at + recordHeadBytes + bytes.length;
  if (end > records.length) return false;
  records[at] = name === 'stdout' ? 0 : 1;
  records.writeInt32LE(bytes.length, at + 1);
  records.set(bytes, at + recordHeadBytes);
  Atomics.store(written, 0, end);
  tellTimer ??= setTimeout(() => {
    tellTimer = undefined;
    parentPort.postMessage({ kind: 'written' });
  }, tellAfterMs);
  return true;
}

process.on('uncaughtException', (error, origin) => {
  const reported = errorShape(error);
  // Lambda names an unhandled rejection for what it is, whatever was rejected with.
  if (origin === 'unhandledRejection') {
    reported.errorType = 'Runtime.UnhandledPromiseRejection';
    reported.errorMessage = String(error);
  }
  parentPort.postMessage({ kind: 'crashed', error: reported });
  process.exit(128);
});

let isCodeKept = false;
const handler = await loadHandler();

if (handler !== undefined) {
  parentPort.on('message', (invocation) => void invoke(invocation));
  parentPort.postMessage({ kind: 'ready' });
}

async function loadHandler() {
  if (bundleUrl === undefined) {
    return refuse({
      errorType: 'Runtime.ImportModuleError',
      errorMessage: `Error: Cannot find module '${process.env._HANDLER}' in ${process.env.LAMBDA_TASK_ROOT}`,
      trace: [],
    });
  }
  try {
    const module = await import(bundleUrl);
    const found = module[handlerName] ?? module.default?.[handlerName];
    if (typeof found === 'function') return found;
  } catch (error) {
    return refuse(errorShape(error));
  }
  return refuse({
    errorType: 'Runtime.HandlerNotFound',
    errorMessage: `${process.env._HANDLER} is undefined or not exported`,
    trace: [],
  });
}

function refuse(error) {
  parentPort.postMessage({ kind: 'init-failed', error });
  return undefined;
}

/** @param {Invocation} invocation */
async function invoke(invocation) {
  await run(invocation);
  // After the first invocation rather than at once: then what it has compiled on its way is kept as well.
  if (!isCodeKept && codeCacheDirectory !== undefined) flushCompileCache();
  isCodeKept = true;
}

/** @param {Invocation} invocation */
async function run({ payload, requestId, deadline, traceId }) {
  process.env._X_AMZN_TRACE_ID = traceId;
  isInvoked = true;
  isFull = false;
  const cpuBefore = process.threadCpuUsage();
  let ended;
  try {
    const result = await handler(JSON.parse(payload), contextOf(requestId, deadline));
    ended = { kind: 'result', payload: JSON.stringify(result) ?? 'null' };
  } catch (error) {
    ended = { kind: 'failed', error: errorShape(error) };
  }
  isInvoked = false;
  clearTimeout(tellTimer);
  tellTimer = undefined;
  parentPort.postMessage({ ...ended, cpuMs: cpuMsSince(cpuBefore) });
}

function cpuMsSince(before) {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
function contextOf(requestId, deadline) {
  return {
    awsRequestId: requestId,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    invokedFunctionArn: functionArn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function errorShape(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return {
    errorType: error.name,
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  };
}
