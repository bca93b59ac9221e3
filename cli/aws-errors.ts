import { CommandFailed } from './command-failed.ts';
import { exitCodes } from './exit-codes.ts';

/** What the SDK throws before or instead of an answer, in words that say what to do. */
export function awsFailure(error: unknown, what: string): CommandFailed {
  if (error instanceof CommandFailed) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (/Region is missing|Region not accepted/i.test(message)) {
    return new CommandFailed(exitCodes.usage, 'no AWS region: add --region, or set AWS_REGION');
  }
  if (/Credentials|Token(Provider|Refresh)|SSO/i.test(name)) {
    return new CommandFailed(
      exitCodes.notAllowed,
      `no AWS credentials to sign with: ${firstSentence(message)}`,
      'Set AWS_PROFILE or add --profile NAME, or sign in with: aws sso login',
    );
  }
  if (/AccessDenied|NotAuthorized|InvalidClientTokenId|SignatureDoesNotMatch|ExpiredToken|Unrecognized/i.test(name)) {
    return new CommandFailed(exitCodes.notAllowed, `${what}: ${message}`);
  }
  return new CommandFailed(exitCodes.unreachable, `${what}: ${message === '' ? name : message}`);
}

function firstSentence(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
