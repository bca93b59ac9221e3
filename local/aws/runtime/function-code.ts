import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../engine/engine-error.ts';
import { notServed } from '../not-served.ts';

/** A deployment package, unpacked. */
export interface FunctionCode {
  readonly directory: string;
  readonly location: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Reads the `Code` of a request. `directoryOf`: of a package, by the bucket and key under which it was published. */
export function readCode(
  code: unknown,
  directoryOf: (bucket: string, key: string) => string | undefined,
): FunctionCode {
  const { S3Bucket: bucket, S3Key: key, ...rest } = (code ?? {}) as Record<string, unknown>;
  const [other] = Object.keys(rest);
  if (other !== undefined) throw invalid(notServed(`lambda: Code.${other}`));
  if (typeof bucket !== 'string' || typeof key !== 'string') throw invalid('Code has no S3Bucket and S3Key');
  const directory = directoryOf(bucket, key);
  if (directory === undefined) {
    throw invalid(
      `Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist. (s3://${bucket}/${key})`,
    );
  }
  return { directory, location: `s3://${bucket}/${key}`, ...fingerprintOf(directory) };
}

function fingerprintOf(directory: string): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const file of readdirSync(directory, { recursive: true }).map(String).sort()) {
    const path = join(directory, file);
    if (!statSync(path).isFile()) continue;
    const content = readFileSync(path);
    hash.update(file).update('\0').update(content);
    bytes += content.length;
  }
  return { sha256: hash.digest('base64'), bytes };
}

function invalid(message: string): EngineError {
  return new EngineError('InvalidParameterValueException', message);
}
