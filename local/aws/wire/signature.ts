/**
 * Who calls. The local endpoint verifies no signature: the access key alone says which function (or which person)
 * speaks. Format: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
 */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly region: string;
  /** As in the signature: `dynamodb`, `events`, `sqs`, `lambda`, `secretsmanager`, `sts`. */
  readonly service: string;
}

const credential = /^AWS4-[A-Z0-9-]+ .*?Credential=([^/\s,]+)\/\d{8}\/([^/\s,]+)\/([^/\s,]+)\/aws4_request/;

/** Undefined where the header is missing or is no Signature Version 4. */
export function readCredentialScope(authorization: string | undefined): CredentialScope | undefined {
  const found = authorization === undefined ? null : credential.exec(authorization);
  if (found === null) return undefined;
  const [, accessKeyId = '', region = '', service = ''] = found;
  return { accessKeyId, region, service };
}
