import { routeArnOf } from '../gateway/http-api.ts';
import { TemplateError } from '../template/template.ts';
import { httpApiOf } from './http-api-parts.ts';
import type { World } from './world.ts';

/**
 * Throws for a rule or a route of the template whose target does not let it in. AWS drops such events without a word,
 * and answers such requests with a 500.
 */
export function refuseMissingPermissions({ access, buses, api, accountId, region }: World): void {
  const allows = (service: string, targetArn: string, sourceArn: string): boolean => {
    const action = targetArn.startsWith('arn:aws:sqs:') ? 'sqs:SendMessage' : 'lambda:InvokeFunction';
    return access.wouldAllowService({ service, action, resource: targetArn, sourceArn });
  };
  for (const bus of buses.listBuses()) {
    for (const rule of buses.listRules(bus.name)) {
      for (const { arn, deadLetterArn } of buses.listTargets(rule.name, bus.name)) {
        const refusing = [arn, deadLetterArn ?? arn].find((each) => !allows('events.amazonaws.com', each, rule.arn));
        if (refusing !== undefined) throw new TemplateError(`the rule ${rule.name} may not send to ${refusing}`);
      }
    }
  }
  const served = httpApiOf(api);
  for (const { routeKey, target } of served?.routes ?? []) {
    if (served === undefined) continue;
    const routeArn = routeArnOf(served, routeKey, { region, accountId });
    if (allows('apigateway.amazonaws.com', target.functionArn, routeArn)) continue;
    throw new TemplateError(`the route ${routeKey} may not invoke ${target.functionArn}`);
  }
}
