import { type Command, Option } from 'commander';
import { isJsonObject, type JsonObject } from '../../lambdas/json/json.ts';
import { ageText } from '../age-text.ts';
import type { LambdaParts, Mapping } from '../aws/lambda-parts.ts';
import type { StackRule } from '../aws/schedules.ts';
import { exitCodes } from '../exit-codes.ts';
import { ownFunctions } from '../own-functions.ts';
import type { Printer } from '../printer.ts';
import { readRouteHealth } from '../route-health.ts';
import type { CommandLine, StackSession } from '../session.ts';
import { isInForce } from '../subscription-text.ts';
import { type WaitOptions, withWait } from '../wait-options.ts';
import { examples } from './examples.ts';

const lookDelayMs = 2000;
/** After a repair. */
const maxLooks = 10;

/** A part of the stack that can stand still, and what is to be done so that it does not. */
interface Part {
  readonly part: string;
  readonly kind: 'schedule or rule' | 'mapping' | 'function';
  readonly state: string;
  readonly isWell: boolean;
  readonly oldestSeconds?: number;
  readonly repair?: () => Promise<void>;
}

export function registerHealth(program: Command, line: CommandLine): void {
  program
    .command('health')
    .description(
      "Whether all parts of the stack run: schedules, rules, mappings, functions. Subscribers': fanout subscriptions health.\nExits 0 when all is well, 7 when one is not.",
    )
    .addOption(new Option('--repair', 'switch on what was switched off by hand, and show what is so after it'))
    .addHelpText('after', examples('fanout health', 'fanout health --repair --stack webhook-fanout-prod'))
    .action(async ({ repair }: { repair?: boolean }, command: Command) => {
      const session = await line.openStack(command);
      const { printer } = session;
      const before = await readParts(session);
      const repaired = repair === true ? await repairAll(before, printer) : [];
      const parts = repaired.length === 0 ? before : await readRepaired(session);
      const document = { parts: parts.map(partJson), ...(repair === true ? { repaired: repaired.map(partJson) } : {}) };
      printer.result(document, () =>
        printer.table(
          ['PART', 'WELL', 'KIND', 'STATE', 'OLDEST'],
          parts.map(({ part, isWell, kind, state, oldestSeconds }) => [
            part,
            isWell ? 'yes' : 'no',
            kind,
            state,
            ageText(oldestSeconds),
          ]),
        ),
      );
      const ill = parts.filter(({ isWell }) => !isWell).length;
      printer.notice(ill === 0 ? `All is well (${parts.length}).` : `${ill} of ${parts.length} not well.`);
      line.finish(ill === 0 ? exitCodes.ok : exitCodes.negative);
    });

  withWait(program.command('reconcile'), 'wait until all are in force, and their queues are read', '5m')
    .description(
      'Has every route of a subscriber looked at and mended, as happens once an hour: two a second. Lifts a concurrency of 0 where events wait.\nExits 8 when --wait gave up before all were in force.',
    )
    .addHelpText('after', examples('fanout reconcile --wait', 'fanout reconcile --stack webhook-fanout-prod'))
    .action(async ({ wait, timeout }: WaitOptions, command: Command) => {
      const { stack, printer, surroundings } = await line.openStack(command);
      const { createLambdaParts } = await import('../aws/lambda-parts.ts');
      const lambda = createLambdaParts(stack);
      const { api } = await line.open(command);
      for (const { subscriptionId, route } of await readRouteHealth(api, stack)) {
        if (!isJsonObject(route) || route.reservedConcurrency !== 0) continue;
        const functionName = `${stack.routePrefix}-${String(subscriptionId)}`;
        await lambda.shareConcurrency(functionName);
        printer.notice(`Its concurrency of 0 was set by hand, and is lifted: ${functionName}.`);
      }
      await lambda.reconcileAll();
      if (wait !== true) {
        printer.result({ reconciling: true }, () => 'Every route is being looked at.');
        printer.notice('When it is done: fanout subscriptions health');
        return;
      }
      printer.notice('Waiting until all routes are in force …');
      const deadline = surroundings.clock() + timeout * 1000;
      let left: string[];
      do {
        await surroundings.sleep(lookDelayMs);
        const subscriptions = await readRouteHealth(api, stack);
        left = subscriptions.filter((one) => !isInForce(one)).map(({ subscriptionId }) => String(subscriptionId));
      } while (left.length > 0 && surroundings.clock() < deadline);
      printer.result({ notInForce: left }, () => (left.length === 0 ? 'All routes are in force.' : ''));
      if (left.length === 0) return;
      printer.notice(`Not in force after ${timeout} s: ${left.join(', ')}. Why: fanout subscriptions health`);
      line.finish(exitCodes.stillWaiting);
    });
}

/** Those that were switched on, as they were before. */
async function repairAll(parts: readonly Part[], printer: Printer): Promise<Part[]> {
  const broken: Part[] = [];
  for (const one of parts) {
    if (one.repair === undefined) continue;
    await one.repair();
    printer.notice(`Switched on: ${one.part} (${one.kind}).`);
    broken.push(one);
  }
  return broken;
}

/** As they are after the repair, which AWS may show some seconds later. */
async function readRepaired(session: StackSession): Promise<Part[]> {
  for (let look = 1; ; look++) {
    const parts = await readParts(session);
    if (look === maxLooks || parts.every(({ repair }) => repair === undefined)) return parts;
    await session.surroundings.sleep(lookDelayMs);
  }
}

async function readParts({ stack, surroundings: { sleep } }: StackSession): Promise<Part[]> {
  const [{ createLambdaParts }, { readStackRules }, { readQueueAges }] = await Promise.all([
    import('../aws/lambda-parts.ts'),
    import('../aws/schedules.ts'),
    import('../aws/queue-ages.ts'),
  ]);
  const lambda = createLambdaParts(stack);
  const [rules, mappings, functions] = await Promise.all([
    readStackRules(stack),
    lambda.mappings(),
    stack.resources('AWS::Lambda::Function'),
  ]);
  const own = functions.flatMap(({ logicalId, physicalId: functionName }) => {
    const name = Object.entries(ownFunctions).find(([, { function: id }]) => logicalId.startsWith(id))?.[0];
    return name === undefined ? [] : [{ name, functionName }];
  });
  const queues = mappings.filter(({ sourceArn }) => sourceArn.includes(':sqs:'));
  const ages = await readQueueAges(
    stack,
    queues
      .filter(({ functionName }) => own.some((one) => one.functionName === functionName))
      .map(({ sourceArn }) => nameOf(sourceArn)),
  );
  const parts = await Promise.all(
    own.map(async ({ name, functionName }) => [
      functionPart(name, functionName, await lambda.reservedConcurrency(functionName), lambda),
      ...mappings
        .filter((mapping) => mapping.functionName === functionName)
        .map((mapping) =>
          mappingPart(name, mapping, ages.get(nameOf(mapping.sourceArn)), () => lambda.enable(mapping, sleep)),
        ),
    ]),
  );
  return [...rules.map(rulePart), ...parts.flat()].toSorted((one, other) => Number(one.isWell) - Number(other.isWell));
}

function rulePart({ name, isEnabled, enable }: StackRule): Part {
  return {
    part: name,
    kind: 'schedule or rule',
    state: isEnabled ? 'enabled' : 'disabled by hand',
    isWell: isEnabled,
    ...(isEnabled ? {} : { repair: enable }),
  };
}

function functionPart(name: string, functionName: string, reserved: number | undefined, lambda: LambdaParts): Part {
  const isStopped = reserved === 0;
  return {
    part: name,
    kind: 'function',
    state: isStopped
      ? 'concurrency 0: nothing runs, and no line is logged'
      : reserved === undefined
        ? 'shares the concurrency of the account'
        : `concurrency ${reserved} set aside`,
    isWell: !isStopped,
    ...(isStopped ? { repair: () => lambda.shareConcurrency(functionName) } : {}),
  };
}

/** Lambda says so until the next call, which may be hours after the function was repaired: no proof that it is ill now. */
const failedCall = 'PROBLEM: Function call failed';

function mappingPart(
  name: string,
  mapping: Mapping,
  oldestSeconds: number | undefined,
  enable: () => Promise<void>,
): Part {
  const { state, problem, sourceArn } = mapping;
  const isOff = state === 'Disabled' || state === 'Disabling';
  return {
    part: `${name} reads ${sourceArn.includes(':sqs:') ? 'its queue' : 'its stream'}`,
    kind: 'mapping',
    state: stateText(state, problem),
    isWell: !isOff && (problem === undefined || problem === failedCall),
    ...(oldestSeconds === undefined || oldestSeconds === 0 ? {} : { oldestSeconds }),
    ...(isOff ? { repair: enable } : {}),
  };
}

function stateText(state: string, problem: string | undefined): string {
  if (problem === failedCall) return `${state}; the last call of the function failed`;
  return problem === undefined ? state : `${state}: ${problem}`;
}

function partJson({ part, kind, state, isWell, oldestSeconds }: Part): JsonObject {
  return { part, kind, state, well: isWell, ...(oldestSeconds === undefined ? {} : { oldestSeconds }) };
}

function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}
