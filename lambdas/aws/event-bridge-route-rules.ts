import {
  ConcurrentModificationException,
  DeleteRuleCommand,
  DescribeRuleCommand,
  type EventBridgeClient,
  InvalidEventPatternException,
  LimitExceededException,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-eventbridge';
import type { RuleTarget } from '../domain/routes/desired-route.ts';
import { type ExistingRule, ruleTargetId } from '../domain/routes/route-plan.ts';
import type { ActionOutcome } from '../provision/ports.ts';

const done: ActionOutcome = { kind: 'done' };

/** The rules of subscribers, on one bus. */
export function eventBridgeRouteRules({
  client,
  eventBusName: EventBusName,
  tags,
}: {
  readonly client: EventBridgeClient;
  readonly eventBusName: string;
  /** For rules that are made: EventBridge passes over them where a rule is changed. */
  readonly tags: Readonly<Record<string, string>>;
}) {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

  async function change(call: () => Promise<unknown>): Promise<ActionOutcome> {
    try {
      await call();
      return done;
    } catch (error) {
      if (error instanceof LimitExceededException) {
        return {
          kind: 'blocked',
          reason: `the event bus has as many rules as its quota allows (${error.message}): raise "Number of rules" in Service Quotas, or delete subscriptions`,
        };
      }
      if (error instanceof InvalidEventPatternException) {
        return { kind: 'blocked', reason: `EventBridge does not take the filter: ${error.message}` };
      }
      if (error instanceof ConcurrentModificationException) {
        return { kind: 'later', reason: 'the rule is being changed by another run', retryAfterSeconds: 5 };
      }
      throw error;
    }
  }

  return {
    async describe(name: string): Promise<ExistingRule | undefined> {
      try {
        const rule = await client.send(new DescribeRuleCommand({ Name: name, EventBusName }));
        const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: name, EventBusName }));
        return {
          pattern: rule.EventPattern ?? '',
          enabled: rule.State === 'ENABLED',
          targets: Targets.map(({ Id, Arn, DeadLetterConfig }) => ({
            id: Id ?? '',
            ...(Arn === undefined ? {} : { queueArn: Arn }),
            ...(DeadLetterConfig?.Arn === undefined ? {} : { deadLetterArn: DeadLetterConfig.Arn }),
          })),
        };
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },

    put(name: string, pattern: string): Promise<ActionOutcome> {
      return change(() =>
        client.send(
          new PutRuleCommand({
            Name: name,
            EventBusName,
            EventPattern: pattern,
            State: 'ENABLED',
            ...(Tags.length === 0 ? {} : { Tags }),
          }),
        ),
      );
    },

    putTarget(rule: string, { queueArn, deadLetterArn }: RuleTarget): Promise<ActionOutcome> {
      return change(async () => {
        const result = await client.send(
          new PutTargetsCommand({
            Rule: rule,
            EventBusName,
            Targets: [{ Id: ruleTargetId, Arn: queueArn, DeadLetterConfig: { Arn: deadLetterArn } }],
          }),
        );
        refuseFailures(rule, result);
      });
    },

    removeTargets(rule: string, targetIds: readonly string[]): Promise<ActionOutcome> {
      return change(async () => {
        try {
          refuseFailures(
            rule,
            await client.send(new RemoveTargetsCommand({ Rule: rule, EventBusName, Ids: [...targetIds] })),
          );
        } catch (error) {
          if (!(error instanceof ResourceNotFoundException)) throw error;
        }
      });
    },

    delete(name: string): Promise<ActionOutcome> {
      return change(async () => {
        try {
          await client.send(new DeleteRuleCommand({ Name: name, EventBusName }));
        } catch (error) {
          if (!(error instanceof ResourceNotFoundException)) throw error;
        }
      });
    },

    /** The names that begin so, a page at a time. */
    async *names(prefix: string): AsyncIterable<readonly string[]> {
      let NextToken: string | undefined;
      do {
        const page = await client.send(
          new ListRulesCommand({ EventBusName, NamePrefix: prefix, ...(NextToken === undefined ? {} : { NextToken }) }),
        );
        yield (page.Rules ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name]));
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
    },
  };
}

/** A call on targets that succeeds can still have failed for a target. */
function refuseFailures(
  rule: string,
  result: { FailedEntryCount?: number | undefined; FailedEntries?: { ErrorCode?: string | undefined }[] | undefined },
): void {
  if ((result.FailedEntryCount ?? 0) === 0) return;
  throw new Error(`the target of rule ${rule} could not be changed: ${result.FailedEntries?.[0]?.ErrorCode}`);
}
