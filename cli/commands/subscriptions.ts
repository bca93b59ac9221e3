import { type Command, Option } from 'commander';
import { isJsonObject, type JsonObject } from '../../lambdas/json/json.ts';
import { subscriptionPath } from '../api-path.ts';
import { CommandFailed } from '../command-failed.ts';
import { lastAnswer } from '../delivery-text.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type IdempotencyOptions, onceOnly, sendOnce, withIdempotencyKey } from '../idempotency.ts';
import { collectList, durationSeconds } from '../option-values.ts';
import { readPages } from '../pages.ts';
import type { Printer } from '../printer.ts';
import { untilReady } from '../provisioning-wait.ts';
import { readRouteHealth } from '../route-health.ts';
import type { CommandLine, Session } from '../session.ts';
import { clearableNames, clearedFields, givenFields, withFieldOptions } from '../subscription-options.ts';
import { healthTable, subscriptionTable, subscriptionText } from '../subscription-text.ts';
import { visibleText } from '../visible-text.ts';
import { type WaitOptions, withWait } from '../wait-options.ts';
import { examples } from './examples.ts';
import { registerSubscriptionMetrics } from './subscription-metrics.ts';

/** Values of the options of subscription-options.ts. */
type FieldOptions = Readonly<Record<string, unknown>>;

type CreateOptions = FieldOptions & WaitOptions & IdempotencyOptions & { readonly paused?: boolean };

interface RotationOptions {
  readonly overlap?: number;
  readonly scheme?: string;
  readonly endOtherScheme?: boolean;
}

interface ChangeOptions {
  readonly ifMatch?: string;
}

export function registerSubscriptions(program: Command, line: CommandLine): void {
  const group = program.command('subscriptions').description('Who gets which events');

  group
    .command('list')
    .description('List all subscriptions')
    .addHelpText(
      'after',
      examples(
        'fanout subscriptions list',
        `fanout subscriptions list --json | jq -r '.subscriptions[] | select(.status == "disabled") | .subscriptionId'`,
      ),
    )
    .action(async (_options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const limit = Number.POSITIVE_INFINITY;
      const { items } = await readPages(api, '/v1/subscriptions', 'subscriptions', { limit });
      printer.result({ subscriptions: [...items] }, () =>
        items.length === 0 ? '' : subscriptionTable(printer, items),
      );
      if (items.length === 0) printer.notice('No subscriptions yet. Make one: fanout subscriptions create --help');
    });

  group
    .command('health')
    .description(
      'What waits for each subscription, and why it is not delivered; of a stack also the mapping that reads its queue.\nExits 0 when all is well, 7 when one is not: not in force, not delivering though nobody paused it, its endpoint failing, not read from its queue, without one, or with dead letters.',
    )
    .addHelpText(
      'after',
      examples('fanout subscriptions health', 'fanout subscriptions health --stack webhook-fanout-prod'),
    )
    .action(async (_options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const known = await line.openStackIfKnown(command);
      const subscriptions = await readRouteHealth(api, known?.stack);
      printer.result({ subscriptions }, () => (subscriptions.length === 0 ? '' : healthTable(printer, subscriptions)));
      const ill = subscriptions.filter(({ healthy }) => !healthy).length;
      printer.notice(
        ill === 0 ? `All is well (${subscriptions.length}).` : `${ill} of ${subscriptions.length} not well.`,
      );
      line.finish(ill === 0 ? exitCodes.ok : exitCodes.negative);
    });

  registerSubscriptionMetrics(group, line);

  withIdempotencyKey(withWaitInForce(withFieldOptions(group.command('create'), ['url'])))
    .description('Make a subscription. Its signing secret is shown once, here.')
    .argument('<url>', 'where events are posted to')
    .addOption(new Option('--paused', 'collect events, deliver none until it is resumed'))
    .addHelpText(
      'after',
      examples(
        'fanout subscriptions create https://crm.example/drift --events conversation_push --wait',
        'fanout subscriptions create http://127.0.0.1:8080/ --events new_message,contact_identified --orgs 1,2',
        `fanout subscriptions create https://crm.example/drift --events new_message \\
      --filter '{"author":{"type":["contact"]}}' --header 'X-Api-Key: …'`,
        'SECRET=$(fanout subscriptions create … --json | jq -r .secret)',
      ),
    )
    .action(async (url: string, options: CreateOptions, command: Command) => {
      if (options.events === undefined) {
        throw new CommandFailed(
          exitCodes.usage,
          'which events? Add --events, as --events conversation_push; all of them: fanout event-types list',
        );
      }
      const session = await line.open(command);
      const body = {
        ...(await givenFields(options, session.surroundings)),
        url,
        ...(options.paused ? { status: 'paused' } : {}),
      };
      const once = onceOnly(session.api, options);
      const { body: created } = await sendOnce(once, { method: 'POST', path: '/v1/subscriptions', body });
      await showCreated(session, created, options, command.optsWithGlobals<{ json?: boolean }>().json === true);
    });

  group
    .command('show')
    .description('Show a subscription and its state')
    .argument('<subscriptionId>')
    .addHelpText('after', examples('fanout subscriptions show sub_…', 'fanout subscriptions show sub_… --json'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const { api, printer } = await line.open(command);
      const { body } = await api.send({ method: 'GET', path: subscriptionPath(id) });
      printer.result(body, () => subscriptionText(printer, body));
    });

  withIfMatch(withWaitInForce(withFieldOptions(group.command('update').argument('<subscriptionId>'))))
    .description('Change fields of a subscription. A field that is given replaces the whole field.')
    .addOption(new Option('--clear <fields>', `take fields away: ${clearableNames}`).argParser(collectList))
    .addHelpText(
      'after',
      examples(
        'fanout subscriptions update sub_… --events conversation_push,new_message',
        'fanout subscriptions update sub_… --url https://crm.example/v2 --clear filter,orgs --wait',
      ),
    )
    .action(
      async (
        id: string,
        options: FieldOptions & WaitOptions & ChangeOptions & { clear?: readonly string[] },
        command: Command,
      ) => {
        const cleared = clearedFields(options.clear ?? []);
        const session = await line.open(command);
        const fields = await givenFields(options, session.surroundings);
        const twice = Object.keys(cleared).find((name) => name in fields);
        if (twice !== undefined) {
          throw new CommandFailed(exitCodes.usage, `${twice} can be set or taken away with --clear, not both`);
        }
        if (Object.keys({ ...fields, ...cleared }).length === 0) {
          throw new CommandFailed(exitCodes.usage, 'what is to be changed? Add at least one field, as --url');
        }
        await change(session, id, { ...fields, ...cleared }, options);
      },
    );

  withIfMatch(withWaitInForce(group.command('pause').argument('<subscriptionId>')))
    .description('Stop deliveries; events wait in the queue, for up to 14 days')
    .addHelpText('after', examples('fanout subscriptions pause sub_…'))
    .action(async (id: string, options: WaitOptions & ChangeOptions, command: Command) => {
      await change(await line.open(command), id, { status: 'paused' }, options);
    });

  withIfMatch(withWaitInForce(group.command('resume').alias('enable').argument('<subscriptionId>')))
    .description('Deliver again: after a pause, or after it was disabled because its endpoint failed')
    .addHelpText('after', examples('fanout subscriptions resume sub_… --wait'))
    .action(async (id: string, options: WaitOptions & ChangeOptions, command: Command) => {
      await change(await line.open(command), id, { status: 'active' }, options);
    });

  withIfMatch(group.command('rotate-secret').argument('<subscriptionId>'))
    .description('Make a new signing secret, shown once. The earlier ones keep signing during the overlap.')
    .addOption(
      new Option('--overlap <time>', 'how long, 0 to 7d (default: 24h); 0 ends the old ones at once').argParser(
        durationSeconds,
      ),
    )
    .addOption(
      new Option('--scheme <scheme>', 'v1: a shared secret; v1a: an ed25519 key pair beside it').choices(['v1', 'v1a']),
    )
    .option('--end-other-scheme', 'end the secrets of the other scheme with the overlap, too')
    .addHelpText(
      'after',
      examples('fanout subscriptions rotate-secret sub_…', 'fanout subscriptions rotate-secret sub_… --overlap 7d'),
    )
    .action(async (id: string, options: ChangeOptions & RotationOptions, command: Command) => {
      const { api, printer } = await line.open(command);
      const { overlap, scheme, endOtherScheme } = options;
      const { body } = await api.send({
        method: 'POST',
        path: subscriptionPath(id, '/rotate-secret'),
        headers: ifMatchHeaders(options),
        body: {
          ...(overlap === undefined ? {} : { overlapSeconds: overlap }),
          ...(scheme === undefined ? {} : { scheme }),
          ...(endOtherScheme === undefined ? {} : { endOtherScheme }),
        },
      });
      printer.result(body, () => subscriptionText(printer, body));
    });

  group
    .command('test')
    .description(
      'Send a test event on the path that all events take, and say what the subscriber answered.\nIts header webhook-test says that it is a test.\nExits 0 when it was delivered, 7 when it was not, 8 when there is no answer yet.',
    )
    .argument('<subscriptionId>')
    .addOption(
      new Option('--event-type <type>', 'send the example of this type, as event-types show shows it').default(
        undefined,
        'a webhook_test event',
      ),
    )
    .addOption(
      new Option('--timeout <time>', 'how long to wait for the answer, at most 20s')
        .argParser(durationSeconds)
        .default(10, '10s'),
    )
    .addHelpText(
      'after',
      examples('fanout subscriptions test sub_…', 'fanout subscriptions test sub_… --event-type conversation_push'),
    )
    .action(async (id: string, options: TestOptions, command: Command) => {
      const session = await line.open(command);
      line.finish(await sendTest(session, id, options));
    });

  withIfMatch(group.command('delete').argument('<subscriptionId>'))
    .description('Delete a subscription with its queue; events that still wait in it are lost')
    .addOption(new Option('-y, --yes', 'do not ask; needed in scripts'))
    .addHelpText('after', examples('fanout subscriptions delete sub_…', 'fanout subscriptions delete sub_… --yes'))
    .action(async (id: string, options: ChangeOptions & { yes?: boolean }, command: Command) => {
      const session = await line.open(command);
      if (options.yes !== true) await confirmDelete(session, id);
      const { api, printer } = session;
      await api.send({ method: 'DELETE', path: subscriptionPath(id), headers: ifMatchHeaders(options) });
      printer.result({ subscriptionId: id, deleted: true }, () => `Deleted ${id}.`);
    });
}

function withWaitInForce(command: Command): Command {
  return withWait(command, 'wait until it is in force');
}

function withIfMatch(command: Command): Command {
  return command.addOption(new Option('--if-match <etag>', 'only if nobody changed it since show gave this etag'));
}

function ifMatchHeaders({ ifMatch }: ChangeOptions): Record<string, string> {
  if (ifMatch === undefined) return {};
  return { 'if-match': ifMatch === '*' || ifMatch.startsWith('"') ? ifMatch : `"${ifMatch}"` };
}

async function showCreated(
  session: Session,
  created: JsonObject,
  { wait, timeout }: WaitOptions,
  isJson: boolean,
): Promise<void> {
  const { printer } = session;
  const id = String(created.subscriptionId);
  noticeWarnings(printer, created);
  // Whatever happens while waiting: the secret is never shown again, so it is printed in any case.
  let shown = created;
  if (wait !== true) {
    printer.result(created, () => subscriptionText(printer, created));
    return;
  }
  if (!isJson) {
    // What it waits for is said below, when it is known.
    const { provisioning: _, delivering: __, ...settled } = created;
    printer.result(settled, () => subscriptionText(printer, settled));
  }
  const print = () => {
    if (isJson) printer.result(shown, () => '');
  };
  const stopGuarding = session.surroundings.beforeInterruption(print);
  try {
    printer.notice(`Waiting until ${id} is ready …`);
    const waited = await untilReady(session, id, timeout);
    shown = { ...waited.subscription, ...(created.secret === undefined ? {} : { secret: created.secret }) };
    if (waited.kind !== 'ready') throw waited.failure;
    printer.notice('Ready.', 'green');
  } finally {
    stopGuarding();
    print();
  }
}

async function change(
  session: Session,
  id: string,
  fields: JsonObject,
  options: WaitOptions & ChangeOptions,
): Promise<void> {
  const { api, printer } = session;
  const { body: changed } = await api.send({
    method: 'PATCH',
    path: subscriptionPath(id),
    headers: ifMatchHeaders(options),
    body: fields,
  });
  noticeWarnings(printer, changed);
  if (options.wait !== true) {
    printer.result(changed, () => subscriptionText(printer, changed));
    return;
  }
  const waited = await untilReady(session, id, options.timeout);
  printer.result(waited.subscription, () => subscriptionText(printer, waited.subscription));
  if (waited.kind !== 'ready') throw waited.failure;
}

/** What the API accepted and takes for a mistake. */
function noticeWarnings(printer: Printer, { warnings }: JsonObject): void {
  for (const warning of (Array.isArray(warnings) ? warnings : []).filter(isJsonObject)) {
    printer.notice(`Warning: ${String(warning.field)}: ${String(warning.detail)}`);
  }
}

interface TestOptions {
  readonly eventType?: string;
  readonly timeout: number;
}

async function sendTest(
  { api, printer }: Session,
  id: string,
  { eventType, timeout: waitSeconds }: TestOptions,
): Promise<ExitCode> {
  const { body } = await api.send({
    method: 'POST',
    path: subscriptionPath(id, '/test'),
    body: { waitSeconds, ...(eventType === undefined ? {} : { eventType }) },
  });
  const { webhookId, outcome } = body;
  const delivery = (body.delivery ?? {}) as JsonObject;
  printer.result(body, () =>
    printer.details([
      ['Outcome', String(outcome)],
      ['Answer', lastAnswer(delivery)],
      ['Response', typeof delivery.responseHead === 'string' ? delivery.responseHead : undefined],
      ['Webhook id', String(webhookId)],
    ]),
  );
  if (outcome === 'delivered') return exitCodes.ok;
  if (outcome !== 'waiting') return exitCodes.negative;
  printer.notice(`No answer within ${waitSeconds} s; see later: fanout deliveries list ${id}`);
  return exitCodes.stillWaiting;
}

async function confirmDelete({ api, surroundings: { stdin, ask } }: Session, id: string): Promise<void> {
  if (stdin.isTTY !== true) {
    throw new CommandFailed(exitCodes.usage, `to delete ${id} without being asked, add --yes`);
  }
  const { body } = await api.send({ method: 'GET', path: subscriptionPath(id) });
  const answer = await ask(
    visibleText(`Delete ${id} (${String(body.url)})? Events that still wait for it are lost. [y/N] `),
  );
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandFailed(exitCodes.usage, 'nothing was deleted');
}
