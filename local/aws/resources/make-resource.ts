import { notServed } from '../not-served.ts';
import type { MadeResource, ResolvedResource } from '../template/make-stack.ts';
import { type Template, TemplateError } from '../template/template.ts';
import { makeApi, makeIntegration, makeRoute, makeStage } from './api-gateway.ts';
import { makeCustomResource } from './custom-resource.ts';
import { makeArchive, makeEventBus, makeRule } from './events.ts';
import { makeEventInvokeConfig, makeEventSourceMapping, makeFunction, makePermission } from './functions.ts';
import { makeAlarm, makeDashboard, makeLogGroup, makeMetricFilter } from './monitoring.ts';
import { makePolicy, makeQueuePolicy, makeRole } from './permissions.ts';
import { makeQueue } from './queues.ts';
import type { ResourceMaker } from './resource-maker.ts';
import { makeSecret } from './secrets.ts';
import { makeTable } from './tables.ts';
import { makersWithoutEffect } from './without-effect.ts';
import type { World } from './world.ts';

const makers: Readonly<Record<string, ResourceMaker>> = {
  'AWS::ApiGatewayV2::Api': makeApi,
  'AWS::ApiGatewayV2::Integration': makeIntegration,
  'AWS::ApiGatewayV2::Route': makeRoute,
  'AWS::ApiGatewayV2::Stage': makeStage,
  'AWS::CloudWatch::Alarm': makeAlarm,
  'AWS::CloudWatch::Dashboard': makeDashboard,
  'AWS::DynamoDB::Table': makeTable,
  'AWS::Events::Archive': makeArchive,
  'AWS::Events::EventBus': makeEventBus,
  'AWS::Events::Rule': makeRule,
  'AWS::IAM::Policy': makePolicy,
  'AWS::IAM::Role': makeRole,
  'AWS::Lambda::EventInvokeConfig': makeEventInvokeConfig,
  'AWS::Lambda::EventSourceMapping': makeEventSourceMapping,
  'AWS::Lambda::Function': makeFunction,
  'AWS::Lambda::Permission': makePermission,
  'AWS::Logs::LogGroup': makeLogGroup,
  'AWS::Logs::MetricFilter': makeMetricFilter,
  'AWS::SecretsManager::Secret': makeSecret,
  'AWS::SQS::Queue': makeQueue,
  'AWS::SQS::QueuePolicy': makeQueuePolicy,
  ...makersWithoutEffect,
};

/** They may call for anything that the stack has, whatever they say that they depend on. */
export function isCustomResource(type: string): boolean {
  return type.startsWith('Custom::') || type === 'AWS::CloudFormation::CustomResource';
}

function makerOf(type: string): ResourceMaker | undefined {
  if (isCustomResource(type)) return makeCustomResource;
  return Object.hasOwn(makers, type) ? makers[type] : undefined;
}

/** Throws `TemplateError` that names every resource whose type the local run does not know. */
export function refuseUnknownTypes({ Resources: resources }: Template): void {
  const unknown = Object.entries(resources).filter(([, { Type }]) => makerOf(Type) === undefined);
  if (unknown.length === 0) return;
  const names = unknown.map(([logicalId, { Type }]) => `${logicalId} (${Type})`);
  throw new TemplateError(notServed(`the type of ${names.join(', ')}`));
}

export function makeResource(resource: ResolvedResource, world: World): MadeResource | Promise<MadeResource> {
  const make = makerOf(resource.type);
  if (make === undefined) throw new TemplateError(`${resource.logicalId}: ${notServed(`the type ${resource.type}`)}`);
  return make(resource, world);
}
