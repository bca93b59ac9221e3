import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { devNull } from 'node:os';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

/** One version of a function's code and settings, as far as running it goes. */
export interface RunnableFunction {
  readonly name: string;
  readonly arn: string;
  /** Holds the bundle, as the deployment package would. */
  readonly codeDirectory: string;
  /** `index.handler` */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly logGroupName: string;
  /** How many workers at once; the pool's own limit where it is not said. */
  readonly reservedConcurrency?: number;
  /** Active tracing: it decides on traces that nobody has decided on before it. */
  readonly decidesOnTraces?: boolean;
}

/** The file that a handler setting names, or undefined where the code has none such: links and `..` do not lead out of it. */
export function bundleUrlOf({ codeDirectory, handler }: RunnableFunction): string | undefined {
  const module = handler.slice(0, handler.lastIndexOf('.'));
  const file = ['.mjs', '.js', '.cjs'].map((suffix) => join(codeDirectory, `${module}${suffix}`)).find(existsSync);
  if (file === undefined) return undefined;
  const path = realpathSync(file);
  return path.startsWith(`${realpathSync(codeDirectory)}${sep}`) ? pathToFileURL(path).href : undefined;
}

/** Each function signs with an access key of its own, so that the endpoint knows who calls. */
export function accessKeyIdOf(functionArn: string): string {
  const digest = createHash('sha256').update(functionArn).digest('hex').toUpperCase();
  return `ASIA${digest.slice(0, 16)}`;
}

/**
 * The whole environment of a function: what the template gives it and what Lambda itself sets, nothing of the machine's.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 */
export function environmentOf(
  runnable: RunnableFunction,
  { region, endpointUrl, logStreamName }: { region: string; endpointUrl: string; logStreamName: string },
): Record<string, string> {
  return {
    ...runnable.environment,
    _HANDLER: runnable.handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: runnable.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(runnable.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: runnable.logGroupName,
    AWS_LAMBDA_LOG_STREAM_NAME: logStreamName,
    AWS_ACCESS_KEY_ID: accessKeyIdOf(runnable.arn),
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'local',
    LAMBDA_TASK_ROOT: runnable.codeDirectory,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    // In place of AWS itself.
    AWS_ENDPOINT_URL: endpointUrl,
    // The developer's profiles must not reach into the functions: in Lambda there are none.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
  };
}
