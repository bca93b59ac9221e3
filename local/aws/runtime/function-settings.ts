import { EngineError } from '../engine/engine-error.ts';

/** What CreateFunction and UpdateFunctionConfiguration set, in Lambda's own names. */
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
}

export const settingMembers = [
  ...['Handler', 'Runtime', 'Role', 'Timeout', 'MemorySize', 'Description', 'Environment'],
  ...['LoggingConfig', 'TracingConfig'],
];

// Lambda sets these itself. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
const reservedVariables = new Set([
  ...['_HANDLER', '_X_AMZN_TRACE_ID', 'AWS_DEFAULT_REGION', 'AWS_REGION', 'AWS_EXECUTION_ENV'],
  ...['AWS_LAMBDA_FUNCTION_NAME', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', 'AWS_LAMBDA_FUNCTION_VERSION'],
  ...['AWS_LAMBDA_INITIALIZATION_TYPE', 'AWS_LAMBDA_LOG_GROUP_NAME', 'AWS_LAMBDA_LOG_STREAM_NAME'],
  ...['AWS_ACCESS_KEY', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
  ...['AWS_LAMBDA_RUNTIME_API', 'LAMBDA_TASK_ROOT', 'LAMBDA_RUNTIME_DIR'],
]);
const maxEnvironmentBytes = 4 * 1024;

/** The settings after a change, or of a new function. Throws what Lambda would refuse. */
export function readSettings(
  input: Readonly<Record<string, unknown>>,
  before: FunctionSettings | undefined,
): FunctionSettings {
  if (input.PackageType !== undefined && input.PackageType !== 'Zip') {
    throw invalid(`PackageType ${String(input.PackageType)}: only Zip is known`);
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
  };
  if (!/^nodejs\d+\.x$/.test(settings.Runtime)) {
    throw invalid(`Runtime ${settings.Runtime}: the local run has Node.js only`);
  }
  if (!/^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role\/?[a-zA-Z_0-9+=,.@\-_/]+$/.test(settings.Role)) {
    throw new EngineError('ValidationException', `Role ${settings.Role} is no ARN of a role`);
  }
  return settings;
}

function readEnvironment(environment: object): Record<string, string> {
  const { Variables: variables = {} } = environment as { Variables?: Record<string, unknown> };
  const refused = 'Lambda was unable to configure your environment variables because';
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value !== 'string') throw invalid(`Environment.Variables.${name} is no text`);
    if (!/^[a-zA-Z][a-zA-Z0-9_]+$/.test(name)) throw invalid(`Environment.Variables.${name}: this name is not allowed`);
    if (reservedVariables.has(name)) {
      throw invalid(
        `${refused} the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${name}`,
      );
    }
    // Node obeys some of these in a worker: NODE_OPTIONS alone can import code that no function has.
    if (name.startsWith('NODE_'))
      throw invalid(`Environment.Variables.${name}: the local run takes no NODE_ variables`);
  }
  if (Buffer.byteLength(JSON.stringify(variables)) > maxEnvironmentBytes) {
    throw invalid(`${refused} the environment variables you have provided exceeded the 4KB limit.`);
  }
  return variables as Record<string, string>;
}

function required(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(`${name} is missing`);
}

function whole(name: string, value: unknown, least: number, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw invalid(`${name} is ${String(value)}; it can be ${least} to ${most}`);
}

function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValueException', message);
}
