import { createHash } from 'node:crypto';
import * as z from 'zod';
import { notServed } from '../not-served.ts';
import { resourceMaker, templateBoolean, withoutEffect } from './resource-maker.ts';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-api.html */
export const makeApi = resourceMaker(
  z.strictObject({
    Name: z.string(),
    ProtocolType: z.literal('HTTP'),
    Tags: z.optional(withoutEffect),
  }),
  (_properties, world, { logicalId }) => {
    if (world.api.api !== undefined) {
      throw new Error(`the local run has one HTTP API, and ${world.api.api.logicalId} is it already`);
    }
    const id = createHash('sha256').update(`${world.stackName}/${logicalId}`).digest('hex').slice(0, 10);
    world.api.api = { id, logicalId };
    return { ref: id, attributes: { ApiId: id, ApiEndpoint: world.apiUrl } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-integration.html */
export const makeIntegration = resourceMaker(
  z.strictObject({
    ApiId: z.string(),
    IntegrationType: z.literal('AWS_PROXY'),
    IntegrationUri: z.string(),
    PayloadFormatVersion: z.literal('2.0'),
  }),
  ({ IntegrationUri }, world, { logicalId }) => {
    // Both spellings are in use: the function's ARN, and the ARN of its invocation.
    const found = /arn:aws:lambda:[^:]+:\d{12}:function:[A-Za-z0-9_-]+/.exec(IntegrationUri);
    if (found === null) throw new Error(`IntegrationUri ${IntegrationUri}: the local run integrates functions only`);
    const id = createHash('sha256').update(`integration/${logicalId}`).digest('hex').slice(0, 7);
    world.api.integrations.set(id, world.functions.describe(found[0]).arn);
    return { ref: id, attributes: { IntegrationId: id } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-route.html */
export const makeRoute = resourceMaker(
  z.strictObject({
    ApiId: z.string(),
    RouteKey: z.string(),
    Target: z.string(),
    AuthorizationType: z.optional(z.enum(['NONE', 'AWS_IAM'])),
  }),
  ({ RouteKey: routeKey, Target: target, AuthorizationType: authorization = 'NONE' }, world, { logicalId }) => {
    if (world.api.routes.some((route) => route.routeKey === routeKey)) {
      throw new Error(`RouteKey ${routeKey} is there twice`);
    }
    world.api.routes.push({ routeKey, target, authorization });
    return { ref: logicalId, attributes: { RouteId: logicalId } };
  },
);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigatewayv2-stage.html */
export const makeStage = resourceMaker(
  z.strictObject({
    ApiId: z.string(),
    StageName: z.string(),
    AutoDeploy: templateBoolean.refine((auto) => auto, 'without AutoDeploy nothing would be deployed'),
    AccessLogSettings: z.optional(z.strictObject({ DestinationArn: z.string(), Format: z.string() })),
    // One developer is not throttled.
    DefaultRouteSettings: z.optional(withoutEffect),
    Tags: z.optional(withoutEffect),
  }),
  ({ StageName, AccessLogSettings: accessLog }, world) => {
    if (StageName !== '$default') throw new Error(notServed(`StageName ${StageName}`));
    world.api.hasStage = true;
    if (accessLog !== undefined) {
      const groupName = /:log-group:([^:]+)/.exec(accessLog.DestinationArn)?.[1];
      if (groupName === undefined) throw new Error(`AccessLogSettings: ${accessLog.DestinationArn} is no log group`);
      world.api.accessLog = { groupName, format: accessLog.Format };
    }
    return { ref: StageName };
  },
);
