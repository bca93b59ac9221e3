import { readdir, readFile } from 'node:fs/promises';
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

/** Commands that are in no group. */
const alone = new Set(['alarms', 'health', 'reconcile', 'logs', 'version']);
const documents = [
  'README.md',
  ...(await readdir(new URL('../../docs/', import.meta.url))).map((name) => `docs/${name}`),
];

it.each(documents.filter((name) => name.endsWith('.md')))(
  'the commands in %s exist, with the options that they are given there',
  async (name) => {
    const text = await readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
    const given = [
      ...text.matchAll(/(?:npx --no -- |[`\n] *|' )fanout ([a-z][a-z-]+)((?: [a-z][a-z-]+)?)([^`\n|]*)/g),
    ].map(([, group = '', command = '', rest = '']) => ({
      words: alone.has(group) ? [group] : [group, command.trim()],
      options: [...`${command}${rest}`.matchAll(/--[a-z-]+/g)].map(([option]) => option),
    }));
    const wrong: string[] = [];
    for (const { words, options } of given) {
      const { out, exitCode } = await runCommand([...words, '--help']);
      const isThere = exitCode === 0 && out.includes(`Usage: fanout ${words.join(' ')}`);
      const unknown = options.filter((option) => !out.includes(option));
      if (!isThere || unknown.length > 0) wrong.push([...words, ...unknown].join(' '));
    }
    expect(wrong).toEqual([]);
    if (/runbook|finding/.test(name)) expect(given.length).toBeGreaterThan(9);
  },
);
