import type { AwsAccount } from '../aws-account.ts';
import type { CloudAssembly } from '../template/cloud-assembly.ts';
import type { ApiResources } from './http-api-parts.ts';

/** Where the template's resources are made. */
export interface World
  extends Pick<
    AwsAccount,
    | 'region'
    | 'accountId'
    | 'tables'
    | 'queues'
    | 'buses'
    | 'secrets'
    | 'functions'
    | 'mappings'
    | 'customResources'
    | 'roles'
    | 'access'
    | 'monitoring'
    | 'logGroups'
  > {
  readonly stackName: string;
  readonly assembly: CloudAssembly;
  readonly api: ApiResources;
  /** `http://127.0.0.1:4401` */
  readonly awsUrl: string;
  /** `http://127.0.0.1:4400` */
  readonly apiUrl: string;
}
