import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What `npm start -- --json` prints when it is ready. */
export interface Ready {
  readonly ready: true;
  readonly api: string;
  readonly aws: string;
  readonly bus: string;
  readonly tables: Readonly<Record<'subscriptions' | 'conversations' | 'settings' | 'deliveries', string>>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
export const driftToken = 'flow-test-token';

/** The real local run, as a process of its own on free ports. */
export class FanoutProcess {
  readonly ready: Ready;
  private readonly child: ChildProcess;

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

  async api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.ready.api}${path}`, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Creates a subscription and waits until events reach it. */
  async subscribe(subscription: Record<string, unknown>): Promise<{ subscriptionId: string; secret: string }> {
    const response = await this.api('POST', '/v1/subscriptions', subscription);
    const text = await response.text();
    if (response.status !== 201) throw new Error(`creating a subscription was answered ${response.status}: ${text}`);
    const created = JSON.parse(text) as { subscriptionId: string; secret: string };
    await this.untilProvisioned(created.subscriptionId);
    return created;
  }

  async untilProvisioned(
    subscriptionId: string,
    wanted = 'ready',
    timeoutMs = 30_000,
  ): Promise<Record<string, unknown>> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const response = await this.api('GET', `/v1/subscriptions/${subscriptionId}`);
      const subscription = (await response.json()) as Record<string, unknown>;
      if (subscription.provisioning === wanted) return subscription;
      if (Date.now() > deadline)
        throw new Error(`${subscriptionId} did not become ${wanted}: ${JSON.stringify(subscription)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const [code] = await exited;
    return code as number | null;
  }
}
