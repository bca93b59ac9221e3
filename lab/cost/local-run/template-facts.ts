import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionName, TemplateFacts } from '../units.ts';

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}
export type Resources = Readonly<Record<string, Resource>>;

/** A rule with a schedule, and the function that it invokes. */
export interface ScheduledRule {
  readonly what: string;
  readonly runsPerHour: number;
  /** Begins the function's name after the stack's. */
  readonly functionId: string;
  readonly payload: string;
  readonly memoryMegabytes: number;
  readonly isTraced: boolean;
}

/** The stack's own, by the logical id with which its name begins. */
const functionIds: Readonly<Record<Exclude<FunctionName, 'deliver'>, RegExp>> = {
  ingest: /^Ingest.*Function/,
  'track-activity': /^ActivityTrackActivity/,
  'emit-inactivity': /^InactivityEmit/,
  'record-events': /^EventHistoryRecordEvents/,
};

const templateFile = (assembly: string): string => join(assembly, 'webhook-fanout-local.template.json');

export function readResources(assembly: string): Resources {
  return (JSON.parse(readFileSync(templateFile(assembly), 'utf8')) as { Resources: Resources }).Resources;
}

/** What runs by the clock would be counted with whatever is played just then. */
export function stopSchedules(assembly: string): void {
  const template = JSON.parse(readFileSync(templateFile(assembly), 'utf8')) as { Resources: Resources };
  for (const { Properties } of ofType(template.Resources, 'AWS::Events::Rule')) {
    if (Properties.ScheduleExpression !== undefined) Properties.State = 'DISABLED';
  }
  writeFileSync(templateFile(assembly), JSON.stringify(template));
}

export function scheduledRules(resources: Resources, traced: Resources): ScheduledRule[] {
  return ofType(resources, 'AWS::Events::Rule').flatMap(({ Properties }) => {
    const { ScheduleExpression, Description, Targets } = Properties as {
      ScheduleExpression?: string;
      Description?: string;
      Targets: { Arn: { 'Fn::GetAtt'?: [string, string] }; Input?: string }[];
    };
    const [, count = '1', unit = ''] = /^rate\((\d+) (minute|hour)s?\)$/.exec(ScheduleExpression ?? '') ?? [];
    if (unit === '') return [];
    const [target] = Targets;
    const functionId = target?.Arn['Fn::GetAtt']?.[0] ?? '';
    return [
      {
        what: Description ?? '',
        runsPerHour: (unit === 'minute' ? 60 : 1) / Number(count),
        functionId,
        payload: target?.Input ?? '{}',
        memoryMegabytes: Number(resources[functionId]?.Properties.MemorySize),
        isTraced: isTraced(traced[functionId]),
      },
    ];
  });
}

/** `traced`: the template with traces on. What provision makes is not of the template. */
export function templateFacts(
  resources: Resources,
  traced: Resources,
  made: { readonly deliverMemoryMegabytes: number; readonly subscriberPollers: number },
): TemplateFacts {
  const own = (Object.entries(functionIds) as [Exclude<FunctionName, 'deliver'>, RegExp][]).map(([name, id]) => {
    return [name, functionOf(resources, id)] as const;
  });
  const mappings = ofType(resources, 'AWS::Lambda::EventSourceMapping').filter(
    ({ Properties }) => !JSON.stringify(Properties.EventSourceArn).includes('StreamArn'),
  );
  const bounded = mappings.filter(({ Properties }) => Properties.ScalingConfig !== undefined).length;
  const window = (id: RegExp): number => {
    const [, mapping] = Object.entries(resources).find(
      ([logicalId, { Type }]) => Type === 'AWS::Lambda::EventSourceMapping' && id.test(logicalId),
    ) ?? ['', undefined];
    return Number(mapping?.Properties.MaximumBatchingWindowInSeconds ?? 0);
  };
  const [stage] = ofType(resources, 'AWS::ApiGatewayV2::Stage');
  const { ThrottlingRateLimit = 0 } = (stage?.Properties.DefaultRouteSettings ?? {}) as Record<string, number>;
  return {
    memoryMegabytes: {
      ...(Object.fromEntries(own.map(([name, { Properties }]) => [name, Number(Properties.MemorySize)])) as Record<
        Exclude<FunctionName, 'deliver'>,
        number
      >),
      deliver: made.deliverMemoryMegabytes,
    },
    traced: Object.fromEntries(
      own.map(([name]) => [name, isTraced(functionOf(traced, functionIds[name]))]),
    ) as TemplateFacts['traced'],
    windowSeconds: { activity: window(/TrackActivity/), history: window(/RecordEvents/) },
    polledQueues: { byTwo: mappings.length - bounded, byFive: bounded },
    subscriberPollers: made.subscriberPollers,
    tracesByDefault: own.some(([, resource]) => isTraced(resource)),
    searchedMetrics: ofType(resources, 'AWS::CloudWatch::Alarm')
      .flatMap(({ Properties }) => [
        ...JSON.stringify(Properties.Metrics ?? []).matchAll(/SELECT MAX\((\w+)\) FROM SCHEMA\([^)]*subscriptionId/g),
      ])
      .map(([, name = '']) => name),
    alarmMetrics: ofType(resources, 'AWS::CloudWatch::Alarm').reduce((sum, { Properties }) => {
      const queries = (Properties.Metrics ?? []) as { MetricStat?: unknown }[];
      // A query is billed for what it finds: nothing while there are no subscribers.
      return (
        sum + (Properties.MetricName === undefined ? queries.filter((one) => one.MetricStat !== undefined).length : 1)
      );
    }, 0),
    dashboards: ofType(resources, 'AWS::CloudWatch::Dashboard').length,
    secrets: ofType(resources, 'AWS::SecretsManager::Secret').length,
    // Without it a table lies under a key that is DynamoDB's own, and free.
    isKeyOfAccount: ofType(resources, 'AWS::DynamoDB::Table').some(
      ({ Properties }) => (Properties.SSESpecification as { SSEEnabled?: boolean } | undefined)?.SSEEnabled === true,
    ),
    requestsPerSecond: ThrottlingRateLimit,
  };
}

function functionOf(resources: Resources, id: RegExp): Resource {
  const found = Object.entries(resources).find(
    ([logicalId, { Type }]) => Type === 'AWS::Lambda::Function' && id.test(logicalId),
  );
  if (found === undefined) throw new Error(`the template has no function ${id}`);
  return found[1];
}

function isTraced(resource: Resource | undefined): boolean {
  return (resource?.Properties.TracingConfig as { Mode?: string } | undefined)?.Mode === 'Active';
}

function ofType(resources: Resources, type: string): Resource[] {
  return Object.values(resources).filter(({ Type }) => Type === type);
}
