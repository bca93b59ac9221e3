import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aRecord, noon } from '../../lab/support/deliveries.ts';
import { fieldNames } from '../../lambdas/domain/subscriptions/subscription-fields.ts';
import { ApiOnLoopback } from './api-on-loopback.ts';
import { type CommandRun, runCommand } from './command-run.ts';

let api: ApiOnLoopback;
let folder: string;

beforeEach(async () => {
  [api, folder] = await Promise.all([ApiOnLoopback.start(), mkdtemp(join(tmpdir(), 'fanout-cli-'))]);
});
afterEach(async () => {
  await Promise.all([api.stop(), rm(folder, { recursive: true })]);
});

type Options = NonNullable<Parameters<typeof runCommand>[1]>;

/** Against the API on loopback, which FANOUT_API names. */
function fanout(args: readonly string[], options: Options = {}): Promise<CommandRun> {
  return runCommand(args, { ...options, env: { FANOUT_API: api.url, ...options.env } });
}

const json = (run: CommandRun): Record<string, unknown> => JSON.parse(run.out);

/** `msg_1`, a moment ago. */
async function recordPush(): Promise<void> {
  const detail = { id: 'msg_1', type: 'conversation_push', orgId: 1, data: {} };
  const event = JSON.stringify({ source: 'drift', 'detail-type': 'conversation_push', detail });
  const times = { occurredAt: noon, recordedAt: api.now - 1000 };
  await api.events.record({ webhookId: 'msg_1', source: 'drift', type: 'conversation_push', ...times, event });
}

async function aSubscription(...args: string[]): Promise<string> {
  const run = await fanout([
    'subscriptions',
    'create',
    'http://127.0.0.1:1/hook',
    '--events',
    'conversation_push',
    '--json',
    ...args,
  ]);
  expect(run).toMatchObject({ exitCode: 0, err: '' });
  return String(json(run).subscriptionId);
}

async function aFile(text: string): Promise<string> {
  const file = join(folder, 'event.json');
  await writeFile(file, text);
  return file;
}

describe('subscriptions create', () => {
  it('sends each option as its field, and shows the secret', async () => {
    const run = await fanout([
      'subscriptions',
      'create',
      'http://127.0.0.1:1/hook',
      '--events',
      'new_message,contact_identified',
      '--events',
      'conversation_push',
      '--orgs',
      '1,9007199254740993',
      '--filter',
      '{"id":[9007199254740993]}',
      '--header',
      'X-Key: a: b',
      '--header',
      'X-Other: c',
      '--description',
      'the CRM',
      '--max-concurrency',
      '5',
      '--max-batching-window',
      '30s',
      '--paused',
    ]);
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    expect(JSON.parse(api.lastRequest.bytes.toString())).toEqual({
      url: 'http://127.0.0.1:1/hook',
      eventTypes: ['new_message', 'contact_identified', 'conversation_push'],
      orgIds: ['1', '9007199254740993'],
      filter: { id: [9007199254740992] },
      headers: { 'X-Key': 'a: b', 'X-Other': 'c' },
      description: 'the CRM',
      maxConcurrency: 5,
      maxBatchingWindowSeconds: 30,
      status: 'paused',
    });
    expect(api.lastRequest.bytes.toString()).toContain('{"id":[9007199254740993]}');
    expect(run.out).toMatch(/Secret \(shown once\) +whsec_/);
    expect(run.out).toMatch(/Organisations +1, 9007199254740993/);
    expect(run.out).toMatch(/Filter +\{"id":\[9007199254740993\]\}/);
  });

  it('with --json prints one document, ids as they are', async () => {
    const run = await fanout([
      'subscriptions',
      'create',
      'http://127.0.0.1:1/hook',
      '--events',
      'new_message',
      '--orgs',
      '9007199254740993',
      '--json',
    ]);
    expect(run.out).toMatch(/"orgIds": \[\s+9007199254740993\s+\]/);
    expect(json(run).secret).toMatch(/^whsec_/);
  });

  it('takes a filter from a file and from standard input', async () => {
    const filter = '{"status":["closed"]}';
    const file = await aFile(filter);
    const fromFile = await aSubscription('--filter', `@${file}`);
    // As it is stored: by its text.
    expect(api.subscriptions.configs.get(fromFile)?.filter).toBe(filter);
    const run = await fanout(['subscriptions', 'create', 'http://127.0.0.1:1/', '--events', 'a', '--filter', '-'], {
      stdin: filter,
    });
    expect(run.exitCode).toBe(0);
    expect(api.lastRequest.bytes.toString()).toContain('"filter":{"status":["closed"]}');
  });

  it('names each field that the API refuses, and exits with 1', async () => {
    const run = await fanout([
      'subscriptions',
      'create',
      'ftp://x',
      '--events',
      'new_message,converation_manual_push',
      '--orgs',
      'acme',
    ]);
    expect(run).toMatchObject({ exitCode: 1, out: '' });
    expect(run.err).toContain('orgIds[0] must be an organisation id');
    const two = await fanout(['subscriptions', 'create', 'ftp://x', '--events', 'new_message,converation_manual_push']);
    expect(two.err.split('\n')).toEqual([
      'fanout: 2 fields are wrong:',
      expect.stringMatching(/^ {2}url /),
      '  eventTypes[1] is a misspelling of conversation_manual_push',
      '',
    ]);
  });

  it('asks for events when none are given, without a request', async () => {
    const run = await fanout(['subscriptions', 'create', 'http://127.0.0.1:1/']);
    expect(run).toMatchObject({ exitCode: 2, out: '' });
    expect(run.err).toContain('--events');
    expect(api.requests).toEqual([]);
  });

  it('with --wait is done when the subscription is ready', async () => {
    const run = await fanout(
      ['subscriptions', 'create', 'http://127.0.0.1:1/', '--events', 'new_message', '--wait', '--json'],
      { onSleep: () => api.provision([...api.subscriptions.configs.keys()][0] ?? '') },
    );
    expect(run.exitCode).toBe(0);
    expect(json(run)).toMatchObject({ provisioning: 'ready', secret: expect.stringMatching(/^whsec_/) });
  });

  it('with --wait still shows the secret when it does not become ready in time', async () => {
    const args = ['subscriptions', 'create', 'http://127.0.0.1:1/', '--events', 'a', '--wait', '--timeout', '5s'];
    const run = await fanout([...args, '--json']);
    expect(run.exitCode).toBe(8);
    expect(json(run)).toMatchObject({ provisioning: 'pending', secret: expect.stringMatching(/^whsec_/) });
    expect(run.err).toContain('is not ready after 5 s');
    expect((await fanout(args)).out).toContain('whsec_');
  });

  it('with --wait still shows the secret when the API fails meanwhile', async () => {
    const run = await fanout(['subscriptions', 'create', 'http://127.0.0.1:1/', '--events', 'a', '--wait', '--json'], {
      onSleep: () => void api.nextAnswers.push({ status: 500, text: '{}' }),
    });
    expect(run.exitCode).toBe(6);
    expect(json(run).secret).toMatch(/^whsec_/);
  });
});

describe('subscriptions list and show', () => {
  it('lists all pages', async () => {
    for (let index = 0; index < 103; index++) {
      const subscriptionId = `sub_${String(index).padStart(3, '0')}`;
      api.subscriptions.put({ subscriptionId, url: 'http://127.0.0.1:1/', eventTypes: ['new_message'] });
    }
    const { out } = await fanout(['subscriptions', 'list']);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(104);
    expect(lines[0]).toMatch(/^SUBSCRIPTION +DESCRIPTION +STATUS +PROVISIONING +REASON +URL +EVENT TYPES$/);
    expect(lines[103]).toMatch(
      /^sub_102 +active +pending +being put in force +http:\/\/127\.0\.0\.1:1\/ +new_message$/,
    );
    expect(json(await fanout(['subscriptions', 'list', '--json'])).subscriptions).toHaveLength(103);
  });

  it('are found in the list by the description, of which a long one is cut', async () => {
    for (const [subscriptionId, description] of [
      ['sub_1', 'the warehouse'],
      ['sub_2', 'x'.repeat(500)],
    ] as const) {
      const fields = { url: 'http://127.0.0.1:1/', eventTypes: ['new_message'] };
      api.subscriptions.put({ subscriptionId, description, ...fields });
    }
    const { out } = await fanout(['subscriptions', 'list']);
    expect(out).toMatch(/sub_1 +the warehouse +active/);
    expect(out).toMatch(/sub_2 +x{39}… +active/);
  });

  it('says in the list why one is not active and ready', async () => {
    api.subscriptions.put({ subscriptionId: 'sub_1', url: 'ftp://x', eventTypes: ['new_message'] });
    const { out } = await fanout(['subscriptions', 'list']);
    expect(out).toMatch(/sub_1 +rejected +rejected +url: .*ftp:/);
  });

  it('with nothing to list, tables are empty and JSON is a document', async () => {
    expect(await fanout(['subscriptions', 'list'])).toMatchObject({
      exitCode: 0,
      out: '',
      err: expect.stringContaining('No subscriptions yet'),
    });
    expect(json(await fanout(['subscriptions', 'list', '--json']))).toEqual({ subscriptions: [] });
  });

  it('shows an item that somebody wrote wrongly, with the reason', async () => {
    api.subscriptions.put({ subscriptionId: 'mine', url: 'http://127.0.0.1:1/', eventTypes: [] });
    const { out, exitCode } = await fanout(['subscriptions', 'show', 'mine']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/Status +rejected/);
    expect(out).toMatch(/Reason +eventTypes: must have at least 1 entry/);
  });

  it('says with 4 that there is none', async () => {
    const run = await fanout(['subscriptions', 'show', 'sub_none']);
    expect(run).toEqual({ exitCode: 4, out: '', err: 'fanout: there is no subscription sub_none (404)\n' });
  });
});

describe('subscriptions health', () => {
  const nothing = { waiting: 0, inFlight: 0, deadLetters: 0 };
  const aReady = async (state: Parameters<typeof api.provision>[1] = {}) => {
    const id = await aSubscription();
    await api.provision(id, state);
    api.depths.set(id, nothing);
    return id;
  };

  it('exits 0 when all is well, also where a person has paused one', async () => {
    const id = await aReady();
    api.depths.set(id, { ...nothing, waiting: 5, inFlight: 2 });
    const paused = await aReady();
    await fanout(['subscriptions', 'pause', paused]);
    await api.provision(paused);
    const run = await fanout(['subscriptions', 'health']);
    expect(run).toMatchObject({ exitCode: 0, err: 'All is well (2).\n' });
    expect(run.out).toMatch(new RegExp(`${id} +yes +active +ready +yes +5 +2 +0`));
  });

  it('exits 7 and says why: dead letters, a failing endpoint, not in force, disabled, an item that makes no sense', async () => {
    const dead = await aReady();
    api.depths.set(dead, { ...nothing, deadLetters: 3 });
    await aSubscription();
    const failing = await aReady({ failingSince: api.now, failures: 3 });
    await aReady({ disabled: { at: 0, reason: 'the receiver is gone (status 410)' } });
    api.subscriptions.put({ subscriptionId: 'no id!', url: 'ftp://x', eventTypes: [] });
    const { exitCode, out, err } = await fanout(['subscriptions', 'health']);
    expect(exitCode).toBe(7);
    expect(err).toBe('5 of 5 not well.\n');
    expect(out).toMatch(new RegExp(`${dead} +no +active +ready +yes +0 +0 +3`));
    expect(out).toMatch(new RegExp(`${failing} +no +active .*its endpoint fails: nothing was taken since 2026-11-22`));
    expect(out).toContain('the receiver is gone (status 410)');
  });

  it('says all that holds: a pause and an open circuit, a throttle and a failing endpoint', async () => {
    const circuit = { state: 'open', reason: 'failing', since: api.now, probeAt: api.now + 60_000, probes: 1 } as const;
    const paused = await aReady();
    await fanout(['subscriptions', 'pause', paused]);
    await api.provision(paused, { circuit });
    const throttled = await aReady({ failingSince: api.now, failures: 3, throttledUntil: api.now + 60_000 });
    const { out } = await fanout(['subscriptions', 'health']);
    expect(out).toMatch(new RegExp(`${paused} .* paused; circuit open \\(failing\\)`));
    expect(out).toMatch(
      new RegExp(
        `${throttled} .* throttled until 2026-11-22 12:01:00 UTC; its endpoint fails: nothing was taken since`,
      ),
    );
  });

  it('is not well without a queue, also where it is paused', async () => {
    const id = await aReady();
    await fanout(['subscriptions', 'pause', id]);
    await api.provision(id);
    api.depths.delete(id);
    const { out, exitCode } = await fanout(['subscriptions', 'health']);
    expect(exitCode).toBe(7);
    expect(out).toMatch(new RegExp(`${id} +no +paused .* its queue is gone, or cannot be read`));
  });

  it('says of one that was made just now that it is being put in force', async () => {
    const id = await aSubscription();
    const { out } = await fanout(['subscriptions', 'health']);
    expect(out).toMatch(new RegExp(`${id} +no .* being put in force since 2026-11-22 12:00:00 UTC`));
  });
});

describe('deliveries list --state undelivered', () => {
  it('says what waits where nothing was tried yet', async () => {
    const id = await aSubscription();
    expect((await fanout(['deliveries', 'list', id, '--state', 'undelivered'])).err).toBe('No deliveries.\n');
    api.depths.set(id, { waiting: 849, inFlight: 1, deadLetters: 0 });
    expect((await fanout(['deliveries', 'list', id, '--state', 'undelivered'])).err).toBe(
      `Nothing has failed; 850 events wait in the queue: fanout deliveries list ${id}\n`,
    );
  });
});

describe('subscriptions update, pause and resume', () => {
  it('changes what is given, takes away what is cleared, leaves the rest', async () => {
    const id = await aSubscription('--orgs', '1', '--description', 'old', '--filter', '{"a":[1]}');
    const run = await fanout([
      'subscriptions',
      'update',
      id,
      '--description',
      'new',
      '--clear',
      'orgs,filter',
      '--json',
    ]);
    expect(run.exitCode).toBe(0);
    expect(json(run)).toMatchObject({ description: 'new', eventTypes: ['conversation_push'] });
    expect(json(run)).not.toHaveProperty('orgIds');
    expect(json(run)).not.toHaveProperty('filter');
  });

  it('is refused with 1 when somebody else changed it since', async () => {
    const id = await aSubscription();
    const { etag } = json(await fanout(['subscriptions', 'show', id, '--json']));
    const update = ['subscriptions', 'update', id, '--if-match', String(etag)];
    expect(await fanout([...update, '--description', 'first'])).toMatchObject({ exitCode: 0 });
    const second = await fanout([...update, '--description', 'second']);
    expect(second.exitCode).toBe(1);
    expect(second.err).toContain('was changed since it was read');
  });

  it.each([
    ['nothing to change', [], 'what is to be changed?'],
    ['an unknown field to clear', ['--clear', 'url'], '--clear url: only orgs, filter'],
    ['a field both set and cleared', ['--orgs', '1', '--clear', 'orgs'], 'not both'],
  ])('is wrong usage with %s', async (_case, args, message) => {
    const run = await fanout(['subscriptions', 'update', 'sub_1', ...args]);
    expect(run.exitCode).toBe(2);
    expect(run.err).toContain(message);
  });

  it('pauses, and resumes', async () => {
    const id = await aSubscription();
    expect(json(await fanout(['subscriptions', 'pause', id, '--json'])).status).toBe('paused');
    expect(json(await fanout(['subscriptions', 'resume', id, '--json'])).status).toBe('active');
  });

  it('enables what was disabled, and says why it was', async () => {
    const id = await aSubscription();
    await api.provision(id, { disabled: { at: noon, reason: 'the endpoint answered 410' } });
    const { out } = await fanout(['subscriptions', 'show', id]);
    expect(out).toMatch(/Status +disabled/);
    expect(out).toMatch(/Disabled +2026-11-22 12:00:00 UTC: the endpoint answered 410/);
    expect(json(await fanout(['subscriptions', 'enable', id, '--json'])).status).toBe('active');
  });

  it('waits until a change is in force', async () => {
    const id = await aSubscription();
    await api.provision(id);
    const run = await fanout(['subscriptions', 'pause', id, '--wait', '--json'], { onSleep: () => api.provision(id) });
    expect(run.exitCode).toBe(0);
    expect(json(run)).toMatchObject({ status: 'paused', provisioning: 'ready' });
  });
});

describe('subscriptions rotate-secret', () => {
  it('shows the new secret, and until when the one before signs', async () => {
    const id = await aSubscription();
    const { out, exitCode } = await fanout(['subscriptions', 'rotate-secret', id, '--overlap', '2h']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/Secret \(shown once\) +whsec_/);
    expect(out).toMatch(/Signing keys +v1, v1 \(until 2026-11-22 14:00:00 UTC\)/);
  });

  it('makes a key pair, and shows the part for the subscriber', async () => {
    const id = await aSubscription();
    const { out } = await fanout(['subscriptions', 'rotate-secret', id, '--scheme', 'v1a']);
    expect(out).toMatch(/Public key +whpk_/);
  });

  it('leaves it to the API to bound the overlap', async () => {
    const id = await aSubscription();
    const run = await fanout(['subscriptions', 'rotate-secret', id, '--overlap', '8d']);
    expect(run).toMatchObject({ exitCode: 1, err: 'fanout: --overlap must be at most 7d\n' });
  });
});

describe('subscriptions test', () => {
  async function testWith(record?: Parameters<typeof aRecord>[0]): Promise<CommandRun> {
    const id = await aSubscription();
    await api.provision(id);
    api.whileWaiting = () => {
      api.now += 1000;
      const [event] = api.publisher.published;
      if (record === undefined || event === undefined) return;
      api.deliveries.push(aRecord({ ...record, subscriptionId: id, webhookId: event.detail.id }));
    };
    return fanout(['subscriptions', 'test', id]);
  }

  it('exits with 0 when the subscriber took it', async () => {
    const run = await testWith({ state: 'delivered', lastStatus: 204, durationMs: 12 });
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    expect(run.out).toMatch(/Outcome +delivered/);
    expect(run.out).toMatch(/Answer +204 in 12 ms/);
  });

  it('sends the example of a type where one is given', async () => {
    const id = await aSubscription();
    await api.provision(id);
    await fanout(['subscriptions', 'test', id, '--event-type', 'new_message', '--timeout', '0s']);
    expect(api.publisher.published).toMatchObject([
      { detail: { type: 'webhook_test', data: { example: { type: 'new_message' } } } },
    ]);
    const unknown = await fanout(['subscriptions', 'test', id, '--event-type', 'new_messages']);
    expect(unknown).toMatchObject({ exitCode: 1, err: expect.stringContaining('eventType is not a known type') });
  });

  it('exits with 7 when the subscriber refused it, with what it said, escape sequences disarmed', async () => {
    const run = await testWith({ state: 'retrying', lastStatus: 500, durationMs: 3, responseHead: 'oh \u001b[2J\nno' });
    expect(run.exitCode).toBe(7);
    expect(run.out).toMatch(/Answer +500 in 3 ms/);
    expect(run.out).toContain('Response     oh \\x1b[2J no\n');
  });

  it('exits with 8 when there is no answer in time', async () => {
    const run = await testWith();
    expect(run.exitCode).toBe(8);
    expect(run.err).toContain('No answer within 10 s');
  });

  it('says why nothing can be delivered', async () => {
    const id = await aSubscription('--paused');
    const run = await fanout(['subscriptions', 'test', id]);
    expect(run.exitCode).toBe(1);
    expect(run.err).toContain('its status is paused');
  });
});

describe('subscriptions delete', () => {
  it('deletes with --yes', async () => {
    const id = await aSubscription();
    expect(await fanout(['subscriptions', 'delete', id, '--yes', '--json'])).toMatchObject({ exitCode: 0 });
    expect(api.subscriptions.configs.size).toBe(0);
    expect(await fanout(['subscriptions', 'delete', id, '--yes'])).toMatchObject({ exitCode: 4 });
  });

  it('deletes nothing in a script without --yes', async () => {
    const id = await aSubscription();
    expect(await fanout(['subscriptions', 'delete', id])).toMatchObject({ exitCode: 2 });
    expect(api.subscriptions.configs.size).toBe(1);
  });

  it('asks at a terminal, and takes only yes for an answer', async () => {
    const id = await aSubscription();
    const no = await fanout(['subscriptions', 'delete', id], { terminal: { columns: 100, answer: '' } });
    expect(no).toMatchObject({ exitCode: 2 });
    expect(no.err).toContain('http://127.0.0.1:1/hook');
    expect(api.subscriptions.configs.size).toBe(1);
    await fanout(['subscriptions', 'delete', id], { terminal: { columns: 100, answer: 'y' } });
    expect(api.subscriptions.configs.size).toBe(0);
  });
});

describe('text that others wrote', () => {
  const hostile = 'https://a.example/\u001b[2K\rDelete harmless? \u001b[8m\u202e\u200b\u2028\u009b31m';
  const raw = /[[\p{C}\p{Zl}]--[\n]]/v;
  const seen = 'https://a.example/\\x1b[2K\\x0dDelete harmless? \\x1b[8m\\u202e\\u200b\\u2028\\x9b31m';

  beforeEach(() => {
    api.subscriptions.put({
      subscriptionId: 'rej',
      url: hostile,
      eventTypes: ['new_message'],
      'unk\u001b[31mnown': 'x',
    });
  });

  it('is written out in the question before a delete', async () => {
    const { err } = await fanout(['subscriptions', 'delete', 'rej'], { terminal: { columns: 200, answer: '' } });
    expect(err).toContain(`Delete rej (${seen})? Events`);
    expect(err).not.toMatch(raw);
  });

  it('is written out in what failed', async () => {
    const { err } = await fanout(['subscriptions', 'pause', 'rej']);
    expect(err).toContain('unk\\x1b[31mnown is not a known field');
    expect(err).not.toMatch(raw);
  });

  it('is written out in details and tables', async () => {
    for (const args of [['show', 'rej'], ['list']]) {
      const { out } = await fanout(['subscriptions', ...args]);
      expect(out).toContain(seen);
      expect(out).not.toMatch(raw);
    }
  });

  it('stands as escapes in JSON, which says the same', async () => {
    const run = await fanout(['subscriptions', 'show', 'rej', '--json']);
    expect(run.out).not.toMatch(raw);
    expect(json(run).url).toBe(hostile);
  });
});

describe('a subscription id that is empty', () => {
  it.each([
    ['subscriptions', 'show', ''],
    ['subscriptions', 'delete', '', '--yes'],
    ['deliveries', 'list', ''],
    ['replays', 'list', ''],
    ['orgs', 'show', ''],
  ])('is wrong usage of %s %s, and asks nothing of the API', async (...args) => {
    const run = await fanout(args);
    expect(run).toMatchObject({ exitCode: 2, out: '' });
    expect(run.err).toContain('id is empty');
    expect(api.requests).toEqual([]);
  });
});

describe('a mistyped event type', () => {
  it('is warned of on standard error, with the nearest known one', async () => {
    const args = ['subscriptions', 'create', 'http://127.0.0.1:1/', '--events', 'new_mesage', '--json'];
    const created = await fanout(args);
    const warning = 'Warning: eventTypes[0]: new_mesage is not a known event type; did you mean new_message?\n';
    expect(created).toMatchObject({ exitCode: 0, err: warning });
    const id = String(json(created).subscriptionId);
    expect((await fanout(['subscriptions', 'update', id, '--events', 'new_mesage'])).err).toBe(warning);
  });
});

it('every field of a subscription has a name of its own when it is shown', async () => {
  const id = await aSubscription('--orgs', '1', '--filter', '{"a":[1]}', '--header', 'X-A: b', '--description', 'd');
  await fanout(['subscriptions', 'update', id, '--max-concurrency', '5', '--max-batching-window', '5s']);
  const { out } = await fanout(['subscriptions', 'show', id]);
  for (const field of fieldNames) expect(out).not.toMatch(new RegExp(`^${field} `, 'm'));
});

it('--clear takes the names that update --help lists, and no name of an object', async () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    expect(await fanout(['subscriptions', 'update', 'sub_1', '--clear', name])).toMatchObject({ exitCode: 2 });
  }
  const id = await aSubscription('--description', 'constructor');
  expect((await fanout(['subscriptions', 'show', id], { terminal: { columns: 100 } })).exitCode).toBe(0);
});

describe('deliveries list', () => {
  async function withDeliveries(count: number): Promise<string> {
    const id = await aSubscription();
    for (let index = 0; index < count; index++) {
      const webhookId = `msg_${index}`;
      const times = { occurredAt: api.now, recordedAt: api.now - index };
      await api.events.record({ webhookId, source: 'drift', type: 'conversation_push', ...times, event: '{}' });
      api.deliveries.push(
        aRecord({
          subscriptionId: id,
          webhookId,
          lastAttemptAt: noon,
          nextAttemptAt: noon + 5000,
          lastError: 'timeout',
          lastErrorMessage: 'no answer within 15 s',
          durationMs: 15_000,
        }),
      );
    }
    return id;
  }

  it('shows each with how its last attempt went', async () => {
    const { out } = await fanout(['deliveries', 'list', await withDeliveries(1)]);
    expect(out.split('\n')[1]).toMatch(
      /^msg_0 +conversation_push +retrying +1 +2026-11-22 12:00:00 +2026-11-22 12:00:05 +timeout: no answer within 15 s in 15000 ms$/,
    );
  });

  it('stops at the limit and says that there is more', async () => {
    const id = await withDeliveries(130);
    const some = await fanout(['deliveries', 'list', id, '--json']);
    expect(json(some)).toMatchObject({ hasMore: true, deliveries: { length: 50 } });
    expect(some.err).toContain('There are more than these 50');
    const more = await fanout(['deliveries', 'list', id, '--json', '--limit', '120']);
    expect(json(more)).toMatchObject({ hasMore: true, deliveries: { length: 120 } });
    const all = await fanout(['deliveries', 'list', id, '--json', '--all']);
    expect(json(all)).toMatchObject({ hasMore: false, deliveries: { length: 130 } });
  });

  it('asks for one state, and refuses one that does not exist', async () => {
    const id = await withDeliveries(2);
    expect(json(await fanout(['deliveries', 'list', id, '--state', 'delivered', '--json'])).deliveries).toEqual([]);
    expect(await fanout(['deliveries', 'list', id, '--state', 'lost'])).toMatchObject({ exitCode: 2 });
  });

  it('asks for the deliveries of one replay', async () => {
    const id = await withDeliveries(2);
    api.deliveries.push(aRecord({ subscriptionId: id, webhookId: 'msg_replayed', replayName: `test-${id}-again` }));
    const run = await fanout(['deliveries', 'list', id, '--replay', `test-${id}-again`, '--json']);
    expect(json(run).deliveries).toEqual([expect.objectContaining({ webhookId: 'msg_replayed' })]);
    const unknown = await fanout(['deliveries', 'list', id, '--replay', 'nope']);
    expect(unknown).toMatchObject({ exitCode: 4, err: expect.stringContaining(`there is no replay nope of ${id}`) });
  });

  it('says of an event type that nobody knows that it may be a typo, where there is nothing of it', async () => {
    const id = await aSubscription();
    for (const list of [
      ['deliveries', 'list', id],
      ['events', 'list'],
    ]) {
      const { err } = await fanout([...list, '--type', 'new_mesage']);
      expect(err).toContain('new_mesage is not a known event type; did you mean new_message?');
      expect((await fanout([...list, '--type', 'new_meeting'])).err).not.toContain('known event type');
    }
  });

  it('says with 4 that there is no such subscription', async () => {
    expect(await fanout(['deliveries', 'list', 'sub_none'])).toMatchObject({ exitCode: 4 });
  });
});

describe('replays', () => {
  const givenUp = (subscriptionId: string, index: number) =>
    aRecord({
      subscriptionId,
      webhookId: `msg_${index}`,
      state: 'exhausted',
      undeliveredAt: noon,
      event: `{"source":"drift","detail-type":"conversation_push","detail":{"id":"msg_${index}","data":{"id":9007199254740993}}}`,
    });

  it('puts all that was given up in the queue, however many answers that takes', async () => {
    const id = await aSubscription();
    for (let index = 0; index < 1203; index++) api.deliveries.push(givenUp(id, index));
    const run = await fanout(['replays', 'start', id, '--failed', '--from', '2026-11-22', '--json']);
    expect(run.exitCode).toBe(0);
    expect(json(run).queued).toBe(1203);
    expect(run.err).toContain('queued so far');
    expect(new Set(api.queued.map((text) => JSON.parse(text)['replay-name']))).toEqual(new Set([json(run).replayName]));
  });

  it('replays a single event', async () => {
    const id = await aSubscription();
    api.deliveries.push(givenUp(id, 7));
    const run = await fanout(['replays', 'start', id, '--webhook-id', 'msg_7']);
    expect(run.out).toMatch(/Events queued +1\n/);
    expect(await fanout(['replays', 'start', id, '--webhook-id', 'msg_8'])).toMatchObject({ exitCode: 4 });
  });

  it('replays what was missed, lists it and calls it off', async () => {
    const id = await aSubscription();
    await api.provision(id);
    const times = ['--from', '2026-11-22T10:00:00+01:00', '--to', '2026-11-22T10:30:00Z'];
    const started = json(await fanout(['replays', 'start', id, '--missed', ...times, '--json']));
    const { out } = await fanout(['replays', 'list', id]);
    expect(out.split('\n')[1]).toBe(`${started.replayName}   running   2026-11-22 09:00:00   2026-11-22 10:30:00`);
    expect(await fanout(['replays', 'cancel', id, String(started.replayName)])).toMatchObject({ exitCode: 0 });
    expect(api.subscriptions.states.get(id)?.cancelledReplays).toEqual([started.replayName]);
  });

  it('says with 4 that there is no such replay, by its name', async () => {
    const id = await aSubscription();
    for (const verb of ['show', 'cancel']) {
      const run = await fanout(['replays', verb, id, 'nope']);
      expect(run).toMatchObject({ exitCode: 4, err: expect.stringContaining(`there is no replay nope of ${id}`) });
    }
  });

  it('says of a replay of the history that was called off that it is cancelled', async () => {
    const id = await aSubscription();
    await api.provision(id);
    await recordPush();
    const from = ['--missed', '--include-delivered', '--from', '1h'];
    const { replayName } = json(await fanout(['replays', 'start', id, ...from, '--json']));
    const shown = async () => (await fanout(['replays', 'show', id, String(replayName)])).out;
    expect(await shown()).toMatch(/State +nothing is known of it/);
    expect((await fanout(['replays', 'cancel', id, String(replayName)])).out).toMatch(/State +cancelled/);
    expect(await shown()).toMatch(/State +cancelled/);
  });

  it('says what became of the events of a replay, page by page', async () => {
    const id = await aSubscription();
    await api.provision(id);
    const times = ['--from', '2026-11-22T10:00:00Z', '--to', '2026-11-22T10:30:00Z'];
    const { replayName } = json(await fanout(['replays', 'start', id, '--missed', ...times, '--json']));
    for (let index = 0; index < 250; index++) {
      api.deliveries.push({
        ...aRecord({ subscriptionId: id, webhookId: `msg_${index}`, replayName: String(replayName) }),
        state: index < 240 ? 'delivered' : 'exhausted',
      });
    }
    await fanout(['replays', 'cancel', id, String(replayName)]);
    const shown = json(await fanout(['replays', 'show', id, String(replayName), '--json']));
    expect(shown).toEqual({
      name: replayName,
      state: 'cancelled',
      delivered: 240,
      retrying: 0,
      exhausted: 10,
      discarded: 0,
    });
  });

  it('plans a replay of what was missed, and sends what was delivered only where that is asked for', async () => {
    const id = await aSubscription();
    await api.provision(id);
    await recordPush();
    api.deliveries.push(aRecord({ subscriptionId: id, webhookId: 'msg_1', state: 'delivered' }));
    const plan = async (...args: string[]) => (await fanout(['replays', 'plan', id, '--from', '1h', ...args])).out;
    expect(await plan()).toMatch(/Events to send +0\nDelivered already +1\n/);
    expect(await plan('--include-delivered')).toMatch(/Events to send +1\n/);
    const started = await fanout(['replays', 'start', id, '--missed', '--include-delivered', '--from', '1h']);
    expect(started.out).toMatch(/Events queued +1\n/);
    expect(JSON.parse(api.queued.at(-1) ?? '{}')).toMatchObject({ 'replay-delivered': true });
    expect(await fanout(['replays', 'plan', id])).toMatchObject({ exitCode: 2 });
  });

  it.each([
    ['delivered ones of what failed', ['--failed', '--include-delivered', '--from', '1h'], 'is for --missed only'],
    ['nothing to replay', [], 'Add --failed, --missed or --webhook-id'],
    ['no beginning', ['--failed'], 'Add --from'],
    ['a time that is none', ['--failed', '--from', 'yesterday'], '--from must be a time like'],
    ['two kinds', ['--failed', '--missed', '--from', '1h'], 'cannot be used with'],
  ])('is wrong usage with %s', async (_case, args, message) => {
    const run = await fanout(['replays', 'start', 'sub_1', ...args]);
    expect(run.exitCode).toBe(2);
    expect(run.err).toContain(message);
    expect(api.requests).toEqual([]);
  });
});

describe('orgs', () => {
  it('sets a quiet period, shows it, and goes back to the default', async () => {
    const org = '9007199254740993';
    expect((await fanout(['orgs', 'set-quiet-period', org, '30m'])).out).toMatch(/Quiet period +1800 s\n/);
    expect(api.quietPeriods.get(org)).toBe(1800);
    expect((await fanout(['orgs', 'show', org])).out).toMatch(/Organisation +9007199254740993\nQuiet period +1800 s\n/);
    expect((await fanout(['orgs', 'set-quiet-period', org, 'default'])).out).toContain('600 s (the default)');
  });

  it.each([
    ['59s', 1, 'the quiet period must be at least 1m'],
    ['25h', 1, 'the quiet period must be at most 1d'],
    ['soon', 2, 'a time like 90s, 10m, 24h or 7d'],
  ])('refuses %s with %i', async (period, exitCode, message) => {
    const run = await fanout(['orgs', 'set-quiet-period', '1', period]);
    expect(run.exitCode).toBe(exitCode);
    expect(run.err).toContain(message);
  });

  it('says what an organisation id is', async () => {
    const run = await fanout(['orgs', 'show', 'acme/../x']);
    expect(run).toMatchObject({ exitCode: 1, err: 'fanout: orgId must be a whole number of 64 bits\n' });
  });
});

describe('events send', () => {
  const text = ' {"orgId":1, "type":"new_message","data":{"id":9007199254740993,"conversationId":7,"score":7.0}}\n';

  it('posts the bytes of a file as they are, with the token of the local run', async () => {
    const run = await fanout(['events', 'send', await aFile(text)]);
    expect(run).toMatchObject({ exitCode: 0, err: '' });
    expect(api.lastRequest.bytes.toString()).toBe(text);
    expect(api.lastRequest.headers['x-verification-token']).toBe('local-drift-token');
    expect(run.out).toMatch(/^BROADCAST +WEBHOOK ID\nnew_message +msg_/);
  });

  it('posts standard input', async () => {
    expect(await fanout(['events', 'send', '-'], { stdin: text })).toMatchObject({ exitCode: 0 });
    expect(api.lastRequest.bytes.toString()).toBe(text);
  });

  it('lets an event bring its own token', async () => {
    api.driftToken = 'another';
    const run = await fanout(['events', 'send', '-'], { stdin: text.replace('{', '{"token":"another",') });
    expect(run.exitCode).toBe(0);
    expect(api.lastRequest.headers).not.toHaveProperty('x-verification-token');
  });

  it('takes the token from --token before DRIFT_TOKEN', async () => {
    api.driftToken = 'right';
    const env = { DRIFT_TOKEN: 'right' };
    expect(await fanout(['events', 'send', '-'], { stdin: text, env })).toMatchObject({ exitCode: 0 });
    const wrong = await fanout(['events', 'send', '-', '--token', 'wrong'], { stdin: text, env });
    expect(wrong).toMatchObject({ exitCode: 5, out: '' });
    expect(wrong.err).toContain('verification token');
  });

  it('names the field of an event that is wrong', async () => {
    const run = await fanout(['events', 'send', '-'], { stdin: '{"type":"new_message","data":{}}' });
    expect(run.exitCode).toBe(1);
    expect(run.err).toMatch(/^fanout: orgId /);
  });

  it.each([
    ['a file that is not there', '/does/not/exist.json', 'there is no such file'],
    ['a folder', tmpdir(), 'it is a folder'],
  ])('is wrong usage with %s', async (_case, file, message) => {
    const run = await fanout(['events', 'send', file]);
    expect(run).toMatchObject({ exitCode: 2, err: `fanout: cannot read ${file}: ${message}\n` });
  });

  it('says beside what was broadcast that an id is none, so that nothing follows', async () => {
    const useless = '{"orgId":1,"type":"new_message","data":{"id":1,"conversationId":"abc"}}';
    const run = await fanout(['events', 'send', '-'], { stdin: useless });
    expect(run.out).toContain('new_message');
    expect(run.err).toContain('data.conversationId is not an id');
  });

  it('says when nothing was sent on', async () => {
    const push = '{"orgId":1,"type":"conversation_push","data":{"conversationId":1}}';
    const run = await fanout(['events', 'send', '-'], { stdin: push });
    expect(run.out).toContain('each cause makes its own conversation_push here');
  });
});

describe('event-types list and filters test', () => {
  it('lists the types with what is left of the legacy one', async () => {
    const { out } = await fanout(['event-types', 'list']);
    expect(out).toMatch(/^new_message +drift +Any message/m);
    expect(out).toMatch(/^conversation_status_updated .* Legacy \(removed, closed to new subscribers\): use /m);
  });

  it('shows a type with an example and its schema', async () => {
    const { out } = await fanout(['event-types', 'show', 'conversation_inactive']);
    expect(out).toMatch(/^Event type +conversation_inactive\n/);
    expect(out).toContain('"conversationId": 123456789');
    expect(out).toContain('"const": "conversation_inactive"');
    const unknown = await fanout(['event-types', 'show', 'conversation_inactve']);
    expect(unknown).toMatchObject({ exitCode: 4, out: '' });
    expect(unknown.err).toContain('fanout event-types list');
  });

  it('says with 0 that a filter matches', async () => {
    const run = await fanout(['filters', 'test', '{"id":[9007199254740993]}', '-'], {
      stdin: '{"data":{"id":9007199254740993}}',
    });
    expect(run).toMatchObject({ exitCode: 0, out: 'The filter matches the event.\n' });
  });

  it('says with 7 why it does not', async () => {
    const file = await aFile('{"data":{"id":9007199254740992}}');
    const run = await fanout(['filters', 'test', '{"id":[9007199254740993]}', `@${file}`]);
    expect(run.exitCode).toBe(7);
    expect(run.out).toMatch(/data\.id +is 9007199254740992; wanted: \[9007199254740993\]/);
  });

  it('leads to the place of a fault in the filter', async () => {
    const run = await fanout(['filters', 'test', '{"a":[{"wildcard":"*"}]}', '{"data":{}}']);
    expect(run.exitCode).toBe(1);
    expect(run.err).toMatch(/^fanout: filter\.a\[0\]\.wildcard wildcard is not offered/);
  });

  it.each([
    ['a file named without @', ['filter.json', '{}'], 'To read it from a file, write @filter.json'],
    ['JSON that is no object', ['[1]', '{}'], 'the filter must be a JSON object'],
    ['standard input twice', ['-', '-'], 'not both'],
  ])('is wrong usage with %s', async (_case, args, message) => {
    const run = await fanout(['filters', 'test', ...args]);
    expect(run.exitCode).toBe(2);
    expect(run.err).toContain(message);
  });
});
