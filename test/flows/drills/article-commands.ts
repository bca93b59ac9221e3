import { readFileSync } from 'node:fs';

/** What an article has somebody run: a block of `sh`, or a command within its text. */
export interface ArticleCommands {
  readonly article: string;
  /** The step under which it stands; 0: before the first. */
  readonly step: number;
  readonly text: string;
  /** Marked so, or not one of this project's own commands. */
  readonly isOnlyOnAws: boolean;
}

/** `sh`, or a span of code that is a command with its arguments; in the order of the document. */
const commandForm =
  /^## (?<title>.+)$|^(?<number>\d+)\. |^(?<indent> *)```sh\n(?<block>[\s\S]*?)\n *```$|`(?<span>(?:fanout|aws|npx|npm|copy_subscription|for|AWS_REGION=\S+) [^`]+)`/gm;

/** All commands of the articles. What stands before the first article is of `''`. */
export const runbook: readonly ArticleCommands[] = readCommands(
  readFileSync(new URL('../../../docs/runbook.md', import.meta.url), 'utf8'),
);

function readCommands(markdown: string): ArticleCommands[] {
  const found: ArticleCommands[] = [];
  let [article, step] = ['', 0];
  for (const { groups = {} } of markdown.matchAll(commandForm)) {
    const { title, number, indent = '', block, span } = groups;
    if (title !== undefined) [article, step] = [title, 0];
    if (number !== undefined) step = Number(number);
    if (block !== undefined) {
      const text = block.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
      found.push({ article, step, text, isOnlyOnAws: text.startsWith('# only on AWS\n') });
    }
    // What stands in an article's introduction tells of a command, and has nobody run it.
    if (span !== undefined && step > 0) {
      found.push({ article, step, text: span.replaceAll(/\s+/g, ' '), isOnlyOnAws: !span.startsWith('fanout ') });
    }
  }
  return found;
}

/** Puts values where the document has `<name>`; throws where it has one that nobody gave. */
export function fillIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/<([a-z][\w ]*)>/gi, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${text}\nhas <${name}>, and the drill does not say what that is`);
    return value;
  });
}
