import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { answerCheck, type OpenApiDocument } from '../functions/answer-check.ts';

/** What `npm start -- --json` prints when it is ready. */
export interface Ready {
  readonly ready: true;
  readonly api: string;
  readonly aws: string;
  readonly bus: string;
  readonly tables: Readonly<Record<'subscriptions' | 'conversations' | 'settings' | 'deliveries', string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: unknown;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
export const driftToken = 'flow-test-token';

/** The real local run, as a process of its own on free ports. */
export class FanoutProcess {
  readonly ready: Ready;
  private readonly child: ChildProcess;
  private checkAnswer: ReturnType<typeof answerCheck> | undefined;

  private constructor(child: ChildProcess, ready: Ready) {
    this.child = child;
    this.ready = ready;
  }

  static async start(...flags: string[]): Promise<FanoutProcess> {
    const ports = ['--port', '0', '--aws-port', '0', '--json', '--drift-token', driftToken];
    const child = spawn(process.execPath, ['local/main.ts', ...ports, ...flags], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const errors: string[] = [];
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => errors.push(line));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the local run ended with code ${code}: ${errors.join('\n')}`);
    });
    const ready = new Promise<Ready>((resolve) => {
      lines.on('line', (line) => {
        if (line.startsWith('{"ready":true')) resolve(JSON.parse(line) as Ready);
      });
    });
    const fanout = new FanoutProcess(child, await Promise.race([ready, ended]));
    ended.catch(() => undefined);
    return fanout;
  }

  async post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(`${this.ready.api}/drift/events`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  /** A call of the management API. Every answer is held against the API's own OpenAPI document. */
  async api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.ready.api}${path}`, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: Answer = {
      status: response.status,
      headers: response.headers,
      text,
      json: text === '' ? undefined : JSON.parse(text),
    };
    this.checkAnswer ??= answerCheck(
      (await (await fetch(`${this.ready.api}/v1/openapi.json`)).json()) as OpenApiDocument,
    );
    const contentType = response.headers.get('content-type') ?? undefined;
    const wrong = this.checkAnswer({ method, path, status: answer.status, contentType, body: answer.json });
    if (wrong !== undefined) throw new Error(`an answer that the OpenAPI document does not promise: ${wrong}: ${text}`);
    return answer;
  }

  /** Creates a subscription and waits until events reach it. */
  async subscribe(subscription: Record<string, unknown>): Promise<{ subscriptionId: string; secret: string }> {
    const { status, text, json } = await this.api('POST', '/v1/subscriptions', subscription);
    if (status !== 201) throw new Error(`creating a subscription was answered ${status}: ${text}`);
    const created = json as { subscriptionId: string; secret: string };
    await this.untilProvisioned(created.subscriptionId);
    return created;
  }

  /** Waits until a subscription looks as wanted; rejects with how it looks when that takes too long. */
  async until(
    subscriptionId: string,
    wanted: (subscription: Record<string, unknown>) => boolean,
    timeoutMs = 30_000,
  ): Promise<Record<string, unknown>> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const { json, text } = await this.api('GET', `/v1/subscriptions/${subscriptionId}`);
      if (wanted(json as Record<string, unknown>)) return json as Record<string, unknown>;
      if (Date.now() > deadline) throw new Error(`${subscriptionId} does not look as wanted: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  untilProvisioned(subscriptionId: string, wanted = 'ready'): Promise<Record<string, unknown>> {
    return this.until(subscriptionId, ({ provisioning }) => provisioning === wanted);
  }

  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const [code] = await exited;
    return code as number | null;
  }
}
