import type { AwsService } from './service.ts';

/** STS, as far as asking who one is. `identityArn`: of the access key. */
export function stsService(options: {
  readonly accountId: string;
  readonly identityArn: (accessKeyId: string) => string;
}): AwsService {
  return {
    name: 'sts',
    operations: {
      GetCallerIdentity: (_input, call) => ({
        Arn: options.identityArn(call.accessKeyId),
        UserId: call.accessKeyId,
        Account: options.accountId,
      }),
    },
  };
}
