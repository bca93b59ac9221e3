import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { exitCodes, exitCodesHelp } from '../../cli/exit-codes.ts';
import { commandsIn, runCommand } from './command-run.ts';

const docs = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');

it('the docs list every command, and none that does not exist', async () => {
  const documented = [...docs.matchAll(/^\| `([a-z][a-z-]*(?: [a-z-]+)?)/gm)].map(([, command = '']) => command);
  const existing: string[] = [];
  for (const group of await commandsIn([])) {
    const commands = await commandsIn([group]);
    existing.push(...(commands.length === 0 ? [group] : commands.map((command) => `${group} ${command}`)));
  }
  expect(documented.sort()).toEqual(existing.sort());
});

it('the docs and the help say what each exit code means', () => {
  const documented = [...docs.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  expect(documented.sort()).toEqual(Object.values(exitCodes).sort());
  for (const code of Object.values(exitCodes).filter((value) => value !== exitCodes.bug)) {
    expect(exitCodesHelp).toMatch(new RegExp(`(^|\\s)${code} {2}\\S`, 'm'));
  }
});

it('the commands of the runbook exist, with the options that it gives them', async () => {
  const runbook = await readFile(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
  const alone = new Set(['health', 'reconcile', 'logs', 'version']);
  const given = [...runbook.matchAll(/npx --no fanout ([a-z-]+)((?: [a-z-]+)?)([^`\n]*)/g)].map(
    ([, group = '', command = '', rest = '']) => ({
      words: alone.has(group) ? [group] : [group, command.trim()],
      options: [...`${command}${rest}`.matchAll(/--[a-z-]+/g)].map(([option]) => option),
    }),
  );
  expect(given.length).toBeGreaterThan(10);
  const wrong: string[] = [];
  for (const { words, options } of given) {
    const { out, exitCode } = await runCommand([...words, '--help']);
    const isThere = exitCode === 0 && out.includes(`Usage: fanout ${words.join(' ')}`);
    const unknown = options.filter((option) => option !== '--stack' && !out.includes(option));
    if (!isThere || unknown.length > 0) wrong.push([...words, ...unknown].join(' '));
  }
  expect(wrong).toEqual([]);
});
