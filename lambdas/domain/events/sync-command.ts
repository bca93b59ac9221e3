import type { DriftEvent } from './drift-event.ts';

/**
 * `/sync`, typed by an agent. What counts is what the agent sees: tags and invisible characters are left out, entities
 * are read, white space around it is trimmed. Capitals are no matter: a telephone writes `/Sync`, and a push too many
 * costs a subscriber one look, a push too few the conversation. Drift also sends the same text as `new_message`, which is
 * no command.
 */
export function isSyncCommand({ data: { author, body } }: DriftEvent): boolean {
  const authorType = typeof author === 'object' && author !== null && 'type' in author ? author.type : undefined;
  return authorType === 'user' && typeof body === 'string' && visibleText(body).trim().toLowerCase() === '/sync';
}

// As editors write them; the slash and white space are all that a command can have as an entity for a reason.
const namedEntities = new Map([
  ['nbsp', '\u00a0'],
  ['ensp', '\u2002'],
  ['emsp', '\u2003'],
  ['thinsp', '\u2009'],
  ['zwnj', ''],
  ['zwj', ''],
  ['shy', ''],
  ['lrm', ''],
  ['rlm', ''],
  ['ZeroWidthSpace', ''],
  ['NoBreak', ''],
  ['sol', '/'],
  ['Tab', '\t'],
  ['NewLine', '\n'],
]);

function visibleText(html: string): string {
  return (
    html
      // `[^<>]` keeps this linear on a body of many `<`.
      .replace(/<[^<>]*>/g, '')
      .replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{1,20}));/g, (entity, decimal, hexadecimal, name) =>
        name === undefined
          ? characterOf(decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal))
          : (namedEntities.get(name) ?? entity),
      )
      // What Unicode says to show nothing for: zero-width space and joiners, byte order mark, soft hyphen, marks of direction.
      .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  );
}

function characterOf(codePoint: number): string {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : '';
}
