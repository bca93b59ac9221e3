import type { ArticleCommands } from './article-commands.ts';
import type { Scene } from './scene.ts';

/** A fault that is made on the local run, and what the runbook does about it. */
export interface Drill {
  /** The article of the runbook, and the alarm's name after the stack's. */
  readonly article: string;
  /** Why: the article has none, or it does not see this fault. */
  readonly ringsNoAlarm?: string;
  /** What goes wrong, in a few words. */
  readonly fault: string;
  readonly make: (scene: Scene) => Promise<unknown>;
  /** What goes on happening, once in a minute, until it rings. */
  readonly meanwhile?: (scene: Scene) => Promise<unknown>;
  /** What the alarm names, where it watches several subscribers or rules. */
  readonly names?: (scene: Scene) => string;
  readonly cure: readonly CureStep[];
  /** What stands for `<name>` in the commands; `<id>` is the subscription. */
  readonly values?: (scene: Scene) => Readonly<Record<string, string>>;
  /** Does by hand what commands do that work on AWS alone. */
  readonly onAws?: (scene: Scene, commands: ArticleCommands) => Promise<unknown>;
  /** What is seen once the alarm has ended, beside that all events have arrived. Throws where it is not so. */
  readonly proof?: (scene: Scene) => Promise<unknown>;
}

/**
 * `flood`: all commands of that article are run, in their order. `flood 2`: those of its second step. A number: so many
 * seconds pass. A function: what somebody does who has no command for it, as the owner of an endpoint.
 */
export type CureStep = string | number | ((scene: Scene) => Promise<unknown>);
