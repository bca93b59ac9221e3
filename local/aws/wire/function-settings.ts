import { AwsError } from './service.ts';

/** Reads the input of CreateFunction and UpdateFunctionConfiguration: what Lambda would refuse is refused here. */

export interface FunctionSettings {
  readonly Handler: string;
  readonly Runtime: string;
  readonly Role: string;
  readonly Timeout: number;
  readonly MemorySize: number;
  readonly Description: string;
  readonly Architectures: readonly string[];
  readonly Environment: Readonly<Record<string, string>>;
  readonly LoggingConfig: Readonly<Record<string, unknown>>;
  readonly TracingConfig: { readonly Mode: string };
  readonly EphemeralStorage: { readonly Size: number };
  readonly DeadLetterTargetArn?: string;
}

export const createMembers = [
  'FunctionName',
  'Code',
  'Handler',
  'Runtime',
  'Role',
  'Timeout',
  'MemorySize',
  'Description',
  'Architectures',
  'Environment',
  'LoggingConfig',
  'TracingConfig',
  'EphemeralStorage',
  'DeadLetterConfig',
  'PackageType',
  'Publish',
  'Tags',
] as const;
export const updateMembers = [
  'FunctionName',
  'Handler',
  'Runtime',
  'Role',
  'Timeout',
  'MemorySize',
  'Description',
  'Environment',
  'LoggingConfig',
  'TracingConfig',
  'EphemeralStorage',
  'DeadLetterConfig',
  'RevisionId',
] as const;

// Lambda sets these itself. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
const reservedVariables = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_DEFAULT_REGION',
  'AWS_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_LAMBDA_RUNTIME_API',
  'LAMBDA_TASK_ROOT',
  'LAMBDA_RUNTIME_DIR',
]);
const maxEnvironmentBytes = 4 * 1024;

export function refuseUnknownMembers(
  operation: string,
  input: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  const unknown = Object.keys(input).find((name) => !known.includes(name) && input[name] !== undefined);
  if (unknown !== undefined) {
    throw new AwsError('InvalidParameterValueException', `The local run does not know ${unknown} of ${operation}`);
  }
}

export function readSettings(
  input: Readonly<Record<string, unknown>>,
  before: FunctionSettings | undefined,
): FunctionSettings {
  if (input.PackageType !== undefined && input.PackageType !== 'Zip') {
    throw new AwsError('InvalidParameterValueException', `PackageType ${String(input.PackageType)}: only Zip is known`);
  }
  const settings: FunctionSettings = {
    Handler: required('Handler', input.Handler ?? before?.Handler),
    Runtime: required('Runtime', input.Runtime ?? before?.Runtime),
    Role: required('Role', input.Role ?? before?.Role),
    Timeout: whole('Timeout', input.Timeout ?? before?.Timeout ?? 3, 1, 900),
    MemorySize: whole('MemorySize', input.MemorySize ?? before?.MemorySize ?? 128, 128, 10_240),
    Description: String(input.Description ?? before?.Description ?? ''),
    Architectures: (input.Architectures as string[] | undefined) ?? before?.Architectures ?? ['x86_64'],
    Environment:
      input.Environment === undefined ? (before?.Environment ?? {}) : readEnvironment(input.Environment as object),
    LoggingConfig: (input.LoggingConfig as Record<string, unknown> | undefined) ?? before?.LoggingConfig ?? {},
    TracingConfig: (input.TracingConfig as { Mode: string } | undefined) ??
      before?.TracingConfig ?? { Mode: 'PassThrough' },
    EphemeralStorage: (input.EphemeralStorage as { Size: number } | undefined) ??
      before?.EphemeralStorage ?? { Size: 512 },
  };
  if (!/^nodejs\d+\.x$/.test(settings.Runtime)) {
    throw new AwsError('InvalidParameterValueException', `Runtime ${settings.Runtime}: the local run has Node.js only`);
  }
  if (!/^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role\/?[a-zA-Z_0-9+=,.@\-_/]+$/.test(settings.Role)) {
    throw new AwsError('ValidationException', `Role ${settings.Role} is no ARN of a role`);
  }
  const deadLetters = input.DeadLetterConfig as { TargetArn?: string } | undefined;
  const deadLetterTarget = deadLetters === undefined ? before?.DeadLetterTargetArn : deadLetters.TargetArn || undefined;
  return deadLetterTarget === undefined ? settings : { ...settings, DeadLetterTargetArn: deadLetterTarget };
}

function readEnvironment(environment: object): Record<string, string> {
  const { Variables: variables = {} } = environment as { Variables?: Record<string, unknown> };
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value !== 'string') {
      throw new AwsError('InvalidParameterValueException', `Environment.Variables.${name} is no text`);
    }
    if (!/^[a-zA-Z][a-zA-Z0-9_]+$/.test(name)) {
      throw new AwsError('InvalidParameterValueException', `Environment.Variables.${name}: this name is not allowed`);
    }
    if (reservedVariables.has(name)) {
      throw new AwsError(
        'InvalidParameterValueException',
        `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${name}`,
      );
    }
  }
  if (Buffer.byteLength(JSON.stringify(variables)) > maxEnvironmentBytes) {
    throw new AwsError(
      'InvalidParameterValueException',
      'Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.',
    );
  }
  return variables as Record<string, string>;
}

function required(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new AwsError('InvalidParameterValueException', `${name} is missing`);
}

function whole(name: string, value: unknown, least: number, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new AwsError('InvalidParameterValueException', `${name} is ${String(value)}; it can be ${least} to ${most}`);
}
