import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { HeardAnswer } from './heard-answer.ts';
import { closeUnasked, type Dialler } from './receiver-agent.ts';

/** What is kept of a response's body. */
const keptBodyBytes = 4096;
/** So much of a body is read, so that its connection can be used again. */
const maxBodyBytes = 64 * 1024;
/** Once there is a status, for the rest of the head; and once there is a head, for the body. */
const restMs = 1_000;

/** How an exchange ended. `isOverKept`: over a connection that was used before. */
export type Ending =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Names and values in turn. */
      readonly fields: readonly string[];
      /** The first bytes of the body. */
      readonly body: Buffer;
      readonly isBodyWhole: boolean;
      readonly isOverKept: boolean;
    }
  | { readonly kind: 'timeout' }
  | {
      readonly kind: 'failed';
      readonly error: Error;
      /** Some bytes came, of which no status can be read. */
      readonly hasHeard: boolean;
      readonly isOverKept: boolean;
    };

/**
 * Posts over a connection of the agent's and takes the answer. A status decides: once it is there, what comes or does not come after it changes nothing about it, and it is waited for no longer than a
 * moment.
 */
export function exchange(
  target: RequestOptions,
  body: string,
  { timeoutMs, staysOpen }: { readonly timeoutMs: number; readonly staysOpen: boolean },
): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const heard = new HeardAnswer();
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let bodyBytes = 0;
  let response: IncomingMessage | undefined;
  let socket: Socket | undefined;
  let isOver = false;
  const deadline = setTimeout(giveUp, timeoutMs);
  let rest: NodeJS.Timeout | undefined;

  const options: RequestOptions & Dialler = {
    ...target,
    insecureHTTPParser: true,
    onDial(dialled) {
      socket = dialled;
      if (isOver) dialled.destroy();
    },
  };
  const send = target.protocol === 'http:' ? requestHttp : requestHttps;
  const call = send(options);
  call.on('socket', (connected) => {
    socket = connected;
    connected.off('data', closeUnasked);
    // Before the parser.
    connected.prependListener('data', hear);
  });
  call.on('response', (message) => {
    response = message;
    waitForRest();
    message.on('data', takeBody);
    message.on('end', () => {
      end(true);
      // An answer may come before all of the request is out.
      if (!staysOpen || !heard.isRegular || !call.writableFinished) close();
    });
    message.on('error', () => {});
    message.on('close', () => end(false));
  });
  call.on('error', (error) => {
    // With a response, its own end comes, and the body as far as it was read before.
    if (response === undefined) end(false, error);
  });
  call.on('close', () => end(false));
  call.end(body);
  return promise;

  function hear(bytes: Buffer): void {
    const hadStatus = heard.status !== undefined;
    heard.hear(bytes);
    if (!hadStatus && heard.status !== undefined) waitForRest();
    if (heard.isTooLongWithoutStatus) giveUp();
  }

  function waitForRest(): void {
    clearTimeout(rest);
    if (!isOver) rest = setTimeout(giveUp, restMs);
  }

  function takeBody(bytes: Buffer): void {
    bodyBytes += bytes.length;
    if (keptBytes < keptBodyBytes) {
      const piece = bytes.subarray(0, keptBodyBytes - keptBytes);
      kept.push(piece);
      keptBytes += piece.length;
    }
    // Nobody waits for more; it is read on for the connection's sake.
    if (keptBytes === keptBodyBytes) resolve(answerSoFar(false) as Ending);
    if (bodyBytes > maxBodyBytes) giveUp();
  }

  function answerSoFar(isBodyWhole: boolean): Ending | undefined {
    const status = response?.statusCode ?? heard.status;
    if (status === undefined) return undefined;
    return {
      kind: 'answered',
      status,
      fields: response?.rawHeaders ?? heard.fields,
      body: response === undefined ? heard.body.subarray(0, keptBodyBytes) : Buffer.concat(kept),
      isBodyWhole: isBodyWhole && bodyBytes === keptBytes,
      isOverKept: call.reusedSocket,
    };
  }

  function end(isBodyWhole: boolean, error?: Error): void {
    if (!isOver) finish(answerSoFar(isBodyWhole) ?? failure(error ?? new Error('ECONNRESET')));
  }

  function failure(error: Error): Ending {
    return { kind: 'failed', error, hasHeard: heard.hasBegun, isOverKept: call.reusedSocket };
  }

  /** The time is up, or too much came. */
  function giveUp(): void {
    if (heard.isTooLongWithoutStatus) end(false, new Error('no status within 16 KB'));
    else finish(answerSoFar(false) ?? { kind: 'timeout' });
    close();
  }

  function finish(ending: Ending): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(deadline);
    clearTimeout(rest);
    socket?.off('data', hear);
    resolve(ending);
  }

  function close(): void {
    socket?.destroy();
    call.destroy();
  }
}
