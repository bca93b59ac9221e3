import { allowsSend } from '../engine/queue-policy.ts';
import { TemplateError } from '../template/template.ts';
import { httpApiOf } from './http-api-parts.ts';
import type { World } from './world.ts';

/**
 * Throws for a rule or a route of the template whose target does not let it in. AWS drops such events without a word,
 * and answers such requests with a 500.
 */
export function refuseMissingPermissions({ buses, queues, functions, api, accountId, region }: World): void {
  for (const bus of buses.listBuses()) {
    for (const rule of buses.listRules(bus.name)) {
      for (const target of buses.listTargets(rule.name, bus.name)) {
        const queue = queues.findByArn(target.arn);
        const source = { service: 'events.amazonaws.com', sourceArn: rule.arn, sourceAccount: accountId };
        const allowed =
          queue === undefined
            ? functions.allowsInvoke(target.arn, source.service, rule.arn)
            : allowsSend(queue.policy(), { ...source, queueArn: queue.arn });
        if (!allowed) throw new TemplateError(`the rule ${rule.name} may not send to its target ${target.arn}`);
      }
    }
  }
  for (const { routeKey, target } of httpApiOf(api)?.routes ?? []) {
    // `POST /drift/events` is `<api>/<stage>/POST/drift/events` to the policy of the function.
    const [method = '*', path = '/*'] = routeKey === '$default' ? [] : routeKey.split(' ');
    const called = `${method === 'ANY' ? '*' : method}${path}`;
    const arn = `arn:aws:execute-api:${region}:${accountId}:${api.api?.id}/${api.stage?.name}/${called}`;
    if (functions.allowsInvoke(target.functionArn, 'apigateway.amazonaws.com', arn)) continue;
    throw new TemplateError(`the route ${routeKey} may not invoke ${target.functionArn}`);
  }
}
