import {
  type FunctionSettings,
  type MappingSettings,
  type QueueAttributes,
  type RouteNames,
  subscriptionIdOf,
} from '../../../lambdas/domain/routes/desired-route.ts';
import {
  type ExistingRoute,
  type ExistingRule,
  type RouteAction,
  ruleTargetId,
} from '../../../lambdas/domain/routes/route-plan.ts';
import type { ActionOutcome, RouteControlPlane, RouteDepth } from '../../../lambdas/provision/ports.ts';

type InMemoryFunction = Omit<FunctionSettings, 'recursiveLoop'> & {
  readonly recursiveLoop: 'Allow' | 'Terminate';
  readonly codeInstalled: string;
  /** What was installed when its description was written. */
  readonly codeDescribed: string;
};

/** The control planes of EventBridge, SQS and Lambda, as far as routes go, with their refusals. */
export class InMemoryRoutes implements RouteControlPlane {
  readonly rules = new Map<string, ExistingRule>();
  readonly queues = new Map<string, QueueAttributes>();
  readonly functions = new Map<string, InMemoryFunction>();
  readonly mappings = new Map<string, MappingSettings & { queueName: string; functionName: string }>();
  readonly applied: RouteAction[] = [];
  readonly invoked: { functionName: string; payload: unknown }[] = [];
  maxRules = 300;
  readonly depthsById = new Map<string, RouteDepth>();
  concurrency = 1_000;
  /** Names of queues that were deleted less than a minute ago. */
  readonly recentlyDeleted = new Set<string>();
  /** Runs before anything else: the process may end here. */
  beforeStep: () => void = () => undefined;
  /** Runs before each action; may throw. */
  beforeAction: (action: RouteAction) => void = () => undefined;
  /** Runs after each action: somebody else acts in between. */
  afterAction: (action: RouteAction) => void = () => undefined;
  private nextMappingId = 1;
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  async describe(names: RouteNames): Promise<ExistingRoute> {
    const rule = this.rules.get(names.rule);
    const queue = this.queues.get(names.queue);
    const deadLetterQueue = this.queues.get(names.deadLetterQueue);
    const found = this.functions.get(names.deliverFunction);
    return {
      ...(rule === undefined ? {} : { rule }),
      ...(queue === undefined ? {} : { queue }),
      ...(deadLetterQueue === undefined ? {} : { deadLetterQueue }),
      ...(found === undefined ? {} : { deliverFunction: existingFunction(found) }),
      mappings: [...this.mappings]
        .filter(([, { queueName }]) => queueName === names.queue)
        .map(([mappingId, { queueName: _, functionName: __, ...settings }]) => ({ mappingId, ...settings })),
    };
  }

  async apply(action: RouteAction): Promise<ActionOutcome> {
    this.beforeStep();
    this.beforeAction(action);
    const outcome = this.act(action);
    this.applied.push(action);
    this.afterAction(action);
    return outcome;
  }

  async *subscriptionIds(): AsyncIterable<readonly string[]> {
    const mapped = [...this.mappings.values()].map(({ queueName }) => queueName);
    for (const names of [this.rules.keys(), this.queues.keys(), this.functions.keys(), mapped]) {
      yield [...names].flatMap((name) => subscriptionIdOf(this.prefix, name) ?? []);
    }
  }

  async invoke(functionName: string, payload: { probe: true } | { park: true }): Promise<void> {
    if (!this.functions.has(functionName)) throw new Error(`no function ${functionName}`);
    this.invoked.push({ functionName, payload });
  }

  async unreservedConcurrency(): Promise<number> {
    return this.concurrency;
  }

  async depths(subscriptionIds: readonly string[]): Promise<readonly RouteDepth[]> {
    return subscriptionIds.map((id) => this.depthsById.get(id) ?? { waiting: 0, inFlight: 0, deadLetters: 0 });
  }

  /** All that exists, to compare. */
  everything(): unknown {
    return {
      rules: Object.fromEntries([...this.rules].sort()),
      queues: Object.fromEntries([...this.queues].sort()),
      functions: Object.fromEntries([...this.functions].sort()),
      mappings: [...this.mappings.values()],
    };
  }

  isEmpty(): boolean {
    return this.rules.size + this.queues.size + this.functions.size + this.mappings.size === 0;
  }

  private act(action: RouteAction): ActionOutcome {
    const done: ActionOutcome = { kind: 'done' };
    switch (action.kind) {
      case 'create-queue': {
        if (this.recentlyDeleted.has(action.name)) {
          return { kind: 'later', reason: 'a queue of this name was deleted just now', retryAfterSeconds: 60 };
        }
        this.queues.set(action.name, action.attributes);
        return done;
      }
      case 'set-queue-attributes': {
        const there = this.queues.get(action.name);
        if (there === undefined) throw new Error(`no queue ${action.name}`);
        this.queues.set(action.name, { ...there, ...action.attributes });
        return done;
      }
      case 'delete-queue':
        this.queues.delete(action.name);
        return done;
      case 'put-rule': {
        const there = this.rules.get(action.name);
        if (there === undefined && this.rules.size >= this.maxRules) {
          return { kind: 'blocked', reason: 'the event bus has as many rules as its quota allows' };
        }
        this.rules.set(action.name, { pattern: action.pattern, enabled: true, targets: there?.targets ?? [] });
        return done;
      }
      case 'put-target': {
        const there = this.rules.get(action.rule);
        if (there === undefined) throw new Error(`no rule ${action.rule}`);
        const others = there.targets.filter(({ id }) => id !== ruleTargetId);
        if (others.length >= 5) return { kind: 'blocked', reason: 'a rule takes five targets' };
        this.rules.set(action.rule, { ...there, targets: [...others, { id: ruleTargetId, ...action.target }] });
        return done;
      }
      case 'remove-targets': {
        const there = this.rules.get(action.rule);
        if (there === undefined) return done;
        const left = there.targets.filter(({ id }) => !action.targetIds.includes(id));
        this.rules.set(action.rule, { ...there, targets: left });
        return done;
      }
      case 'delete-rule': {
        if ((this.rules.get(action.name)?.targets.length ?? 0) > 0) throw new Error('a rule with targets stays');
        this.rules.delete(action.name);
        return done;
      }
      case 'create-function':
        if (!this.functions.has(action.name)) {
          const { settings } = action;
          this.functions.set(action.name, {
            ...settings,
            recursiveLoop: 'Terminate',
            codeInstalled: settings.code.key,
            codeDescribed: settings.code.key,
          });
        }
        return done;
      case 'update-function-description': {
        const there = this.functions.get(action.name);
        if (there === undefined) throw new Error(`no function ${action.name}`);
        const { description } = action;
        this.functions.set(action.name, { ...there, description, codeDescribed: there.codeInstalled });
        return done;
      }
      case 'update-function-code': {
        const there = this.functions.get(action.name);
        if (there === undefined) throw new Error(`no function ${action.name}`);
        this.functions.set(action.name, { ...there, codeInstalled: action.settings.code.key });
        return done;
      }
      case 'update-function-settings': {
        const there = this.functions.get(action.name);
        if (there === undefined) throw new Error(`no function ${action.name}`);
        const { recursiveLoop, codeInstalled } = there;
        this.functions.set(action.name, {
          ...action.settings,
          recursiveLoop,
          codeInstalled,
          codeDescribed: codeInstalled,
        });
        return done;
      }
      case 'allow-loops': {
        const there = this.functions.get(action.name);
        if (there === undefined) throw new Error(`no function ${action.name}`);
        this.functions.set(action.name, { ...there, recursiveLoop: 'Allow' });
        return done;
      }
      case 'delete-function':
        this.functions.delete(action.name);
        return done;
      case 'create-mapping': {
        const queueName = action.queueArn.split(':').at(-1) ?? '';
        if (!this.queues.has(queueName)) throw new Error(`no queue ${queueName}`);
        if (!this.functions.has(action.functionName)) throw new Error(`no function ${action.functionName}`);
        const there = [...this.mappings.values()].some((mapping) => mapping.queueName === queueName);
        if (!there) {
          const { functionName, settings } = action;
          this.mappings.set(`mapping-${this.nextMappingId++}`, { ...settings, queueName, functionName });
        }
        return done;
      }
      case 'update-mapping': {
        const there = this.mappings.get(action.mappingId);
        if (there === undefined) throw new Error(`no mapping ${action.mappingId}`);
        this.mappings.set(action.mappingId, { ...there, ...action.settings });
        return done;
      }
      case 'delete-mapping':
        this.mappings.delete(action.mappingId);
        return done;
      default:
        throw action satisfies never;
    }
  }
}

function existingFunction({ code: _, architecture: __, codeInstalled, codeDescribed, ...found }: InMemoryFunction) {
  return { ...found, description: codeInstalled === codeDescribed ? found.description : '', failed: false };
}
