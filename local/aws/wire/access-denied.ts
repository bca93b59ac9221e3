import { EngineError } from '../engine/engine-error.ts';
import type { Denial } from '../iam/access-control.ts';

/** The answer to a call that is not allowed, in the words and with the status of the service that was called. */
export function accessDenied(service: string, { action, resource, message }: Denial): EngineError {
  // Seen in reports of users of each service: SQS has kept the name from its older protocol.
  if (service === 'sqs') return new EngineError('AccessDenied', message, 403);
  if (service === 'lambda')
    return new EngineError('AccessDeniedException', lambdaMessage(action, resource, message), 403);
  return new EngineError('AccessDeniedException', message);
}

function lambdaMessage(action: string, resource: string, message: string): string {
  if (action !== 's3:GetObject') return message;
  const object = resource.slice('arn:aws:s3:::'.length);
  return `Your access has been denied by S3, please make sure your request credentials have permission to GetObject for ${object}. S3 Error Code: AccessDenied. S3 Error Message: ${message}`;
}
