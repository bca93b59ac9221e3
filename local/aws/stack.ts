import type { AwsAccount } from './aws-account.ts';
import type { HttpApi } from './gateway/http-api.ts';
import { createApiResources, httpApiOf } from './resources/http-api-parts.ts';
import { isCustomResource, makeResource, refuseUnknownTypes } from './resources/make-resource.ts';
import { refuseMissingPermissions } from './resources/missing-permissions.ts';
import type { CloudAssembly } from './template/cloud-assembly.ts';
import { makeStack } from './template/make-stack.ts';

export interface Stack {
  /** By name. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Undefined: the template has none. */
  readonly httpApi: HttpApi | undefined;
}

/**
 * Makes all resources of a template in an account. Rejects with `TemplateError` where the template holds what is not
 * served here, and with the reason of a custom resource that failed. `apiUrl`: where the HTTP API will answer.
 */
export async function createStack(account: AwsAccount, assembly: CloudAssembly, apiUrl: string): Promise<Stack> {
  const { template, stackName } = assembly;
  refuseUnknownTypes(template);
  const world = { ...account, stackName, assembly, api: createApiResources(), awsUrl: account.url, apiUrl };
  const { arn, outputs, resources } = await makeStack(template, {
    stackName,
    region: account.region,
    accountId: account.accountId,
    last: isCustomResource,
    make: (resource) => makeResource(resource, world),
  });
  refuseMissingPermissions(world);
  account.stacks.add({ name: stackName, arn, createdAt: account.clock.now(), outputs, resources });
  return { outputs, httpApi: httpApiOf(world.api) };
}
