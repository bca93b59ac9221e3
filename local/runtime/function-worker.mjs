// What runs inside of a worker thread: Lambda's runtime for one function. Plain JavaScript, because type stripping
// would load its compiler into every worker: 30 ms and 8 MB each, and there can be hundreds.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

/** @typedef {{ kind: 'invoke', payload: string, requestId: string, deadline: number, traceId: string }} Invocation */

const { bundleUrl, handlerName, functionArn, logStreamName, codeCacheDirectory } = workerData;

// Compiling is a fifth of a start; what one worker has compiled the next one reads.
if (codeCacheDirectory !== undefined) enableCompileCache(codeCacheDirectory);

for (const [name, stream] of [
  ['stdout', process.stdout],
  ['stderr', process.stderr],
]) {
  // Straight to the main thread: what was written before a timeout ends the worker is not lost.
  stream.write = (chunk, encoding, callback) => {
    parentPort.postMessage({ kind: 'output', stream: name, text: Buffer.from(chunk).toString('utf8') });
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') queueMicrotask(done);
    return true;
  };
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
  const cpuBefore = process.threadCpuUsage();
  try {
    const result = await handler(JSON.parse(payload), contextOf(requestId, deadline));
    parentPort.postMessage({ kind: 'result', payload: JSON.stringify(result) ?? 'null', cpuMs: cpuMsSince(cpuBefore) });
  } catch (error) {
    parentPort.postMessage({ kind: 'failed', error: errorShape(error), cpuMs: cpuMsSince(cpuBefore) });
  }
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
