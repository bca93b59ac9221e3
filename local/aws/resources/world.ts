import type { EngineClock } from '../engine/engine-clock.ts';
import type { EventBuses } from '../engine/event-bus.ts';
import type { Queues } from '../engine/queue.ts';
import type { AccessControl } from '../iam/access-control.ts';
import type { Roles } from '../iam/roles.ts';
import type { CloudAssembly } from '../template/cloud-assembly.ts';
import type { DynamoTables } from '../wire/dynamodb.ts';
import type { EventSourceMappings } from '../wire/event-source-mappings.ts';
import type { LambdaFunctions } from '../wire/lambda-control-plane.ts';
import type { Secrets } from '../wire/secrets-manager.ts';
import type { CustomResources } from './custom-resource-calls.ts';
import type { ApiResources } from './http-api-parts.ts';
import type { Monitoring } from './monitoring-parts.ts';

/** Where the template's resources are made. */
export interface World {
  readonly clock: EngineClock;
  readonly region: string;
  readonly accountId: string;
  readonly stackName: string;
  readonly assembly: CloudAssembly;
  readonly tables: DynamoTables;
  readonly queues: Queues;
  readonly buses: EventBuses;
  readonly secrets: Secrets;
  readonly functions: LambdaFunctions;
  readonly mappings: EventSourceMappings;
  readonly api: ApiResources;
  readonly customResources: CustomResources;
  readonly roles: Roles;
  readonly access: AccessControl;
  readonly monitoring: Monitoring;
  /** `http://127.0.0.1:4401` */
  readonly awsUrl: string;
  /** `http://127.0.0.1:4400` */
  readonly apiUrl: string;
}
