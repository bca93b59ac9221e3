import type { AwsService } from './service.ts';

/** STS, as far as asking who one is. `identityArn`: of the access key. */
export function stsService(options: {
  readonly accountId: string;
  readonly identityArn: (accessKeyId: string) => string;
}): AwsService {
  return {
    name: 'sts',
    operations: {
      GetCallerIdentity: {
        // Members of the query protocol.
        takes: ['Action', 'Version'],
        answer: (_input, { accessKeyId }) => ({
          Arn: options.identityArn(accessKeyId),
          UserId: accessKeyId,
          Account: options.accountId,
        }),
      },
    },
  };
}
