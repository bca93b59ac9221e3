import type { FunctionName } from './units.ts';

/*
 * What the model is told, since neither the local run nor the template knows it. Who knows better changes it here and does
 * the sum again. `assumptions` (assumptions.ts) prints what matters.
 */

export const hoursPerMonth = 730;
export const secondsPerMonth = hoursPerMonth * 3600;

/** CloudWatch counts so many bytes more for each line. */
export const bytesPerLogLine = 26;
/** Of infra/constructs/api.ts, filled in, and its line. */
export const accessLogBytes = 330 + bytesPerLogLine;

/** A call of DynamoDB, SQS or EventBridge from within the region; one after the other. */
export const awsCallMs = 6;

/**
 * Processor time in milliseconds, as billed: on the share of a core that the function's memory buys (1,769 MB are a core).
 * Found on 27 November 2026 by `npm run cost -- --measure`, which prints what the machine at hand takes (2 cores of a server,
 * x86) stretched in the same way, and rounded; so that a document does not change with the machine that wrote it.
 */
export const computingMs: Readonly<Record<FunctionName | 'by the clock', { perBatch: number; perMessage: number }>> = {
  ingest: { perBatch: 0, perMessage: 10 },
  'track-activity': { perBatch: 50, perMessage: 2.5 },
  'emit-inactivity': { perBatch: 40, perMessage: 15 },
  'record-events': { perBatch: 10, perMessage: 6 },
  deliver: { perBatch: 30, perMessage: 5.5 },
  'by the clock': { perBatch: 30, perMessage: 0 },
};

/** Lambda receives up to ten messages with one request, and deletes as many. */
export const messagesPerRequest = 10;
export const queueUnitBytes = 64 * 1024;
export const busUnitBytes = 64 * 1024;
export const apiUnitBytes = 512 * 1024;
export const writeUnitBytes = 1024;
export const readUnitBytes = 4096;
/** DynamoDB stores so much beside each item's attributes, and beside each entry of an index. */
export const storedItemOverheadBytes = 100;

/** Lambda polls a queue with five connections, or with two where no maximum concurrency is set; each for 20 s. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
export const pollSeconds = 20;
/** So many gather messages side by side under load. */
export const gatherers = 5;
/** A receive and what its poller does with it, until it asks again. */
export const receiveSeconds = 0.02;

/** Heads of TLS, TCP and IP of a request on a connection that is open. */
export const transportBytes = 150;
/** The head of the answer to Drift, with the same. */
export const answerHeadBytes = 400;

/** A receiver closes an idle connection after so long: Node's own default, and the shortest that is common. */
export const connectionIdleSeconds = 5;
/** TLS 1.3 and TCP: two round trips of 40 ms, and 10 ms of computing on 0.145 of a core; client's hello, key and finish. */
export const handshake = { milliseconds: 90, bytes: 1600 };

/** Lambda keeps an idle environment for minutes; how many is not documented. */
export const environmentIdleSeconds = 600;
/** INIT, billed since August 2025: 125 ms of a whole core, on the share that 256 MB buy (docs/decisions/0062). */
export const coldStartMs = 900;

/** Lambda's default for an account, at once. */
export const accountConcurrency = 1000;

/** X-Ray: the first of each second, and so much of the others. */
export const sampledShare = 0.05;

/** DynamoDB asks KMS again after so long, for each principal: here each environment of a function, the dearest reading. */
export const keyCacheSeconds = 300;
/** Drift's token: two calls for each environment of ingest, so often. */
export const tokenCacheSeconds = 300;

/** Days for which things are kept: domain/deliveries/delivery-ledger.ts. */
export const ledgerDays = { delivered: 30, undelivered: 90 };
export const daysPerMonth = 30;
