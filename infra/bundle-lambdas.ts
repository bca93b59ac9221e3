import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/** The functions, and the folder under lambdas/ that holds the index.ts of each. */
export const lambdaFolders = {
  ingest: 'ingest',
  'track-activity': 'inactivity/track',
  'sweep-inactivity': 'inactivity/sweep',
  'emit-inactivity': 'inactivity/emit',
  'record-events': 'record-events',
  provision: 'provision',
  deliver: 'deliver',
  manage: 'manage',
} as const;
export type LambdaName = keyof typeof lambdaFolders;
export const lambdaNames = Object.keys(lambdaFolders) as readonly LambdaName[];

const repository = join(import.meta.dirname, '..');

/** Where `bundleLambdas` writes and the stack reads, unless told otherwise. */
export const defaultBundleDirectory = join(repository, 'build', 'lambdas');

/** Packages of the AWS SDK that are CommonJS call `require`, which an ES module does not have. */
const requireForCommonJs =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

export interface BundleOptions {
  /** Holds the `index.ts` of each function in its folder (`lambdaFolders`). */
  readonly sourceDirectory?: string;
}

/**
 * Bundles the functions into `<outDir>/<function>/index.mjs`, one ES module each, and says how large each is, in
 * bytes. The same sources give the same bytes. Throws an error that names the functions whose index.ts is missing.
 */
export async function bundleLambdas(
  outDir: string = defaultBundleDirectory,
  { sourceDirectory = join(repository, 'lambdas') }: BundleOptions = {},
): Promise<Record<LambdaName, number>> {
  const entries = lambdaNames.map((name) => ({ name, path: join(sourceDirectory, lambdaFolders[name], 'index.ts') }));
  const missing = entries.filter(({ path }) => !existsSync(path));
  if (missing.length > 0) {
    throw new Error(`cannot bundle: there is no ${missing.map(({ path }) => path).join(', no ')}`);
  }

  const { outputFiles } = await build({
    entryPoints: entries.map(({ name, path }) => ({ in: path, out: `${name}/index` })),
    outdir: outDir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    legalComments: 'none',
    banner: { js: requireForCommonJs },
    // Lambda puts the role's credentials into the environment. The SDK's default chain also looks for profiles, SSO,
    // containers and instances: 290 KB of each bundle for paths that do not exist there.
    alias: {
      '@aws-sdk/credential-provider-node': join(repository, 'lambdas', 'aws', 'environment-credentials.ts'),
    },
    logLevel: 'warning',
    absWorkingDir: repository,
    write: false,
  });
  for (const { path, contents } of outputFiles) replaceFile(path, contents);

  const sizes = entries.map(({ name }) => {
    const directory = join(outDir, name);
    // A file left over from an earlier build would be deployed and would change the asset's hash.
    for (const file of readdirSync(directory))
      if (file !== 'index.mjs') rmSync(join(directory, file), { recursive: true });
    return [name, statSync(join(directory, 'index.mjs')).size] as const;
  });
  return Object.fromEntries(sizes) as Record<LambdaName, number>;
}

/** In one step: a local run or a synth that reads the directory at the same time sees the old file or the new one. */
function replaceFile(path: string, contents: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const scratch = mkdtempSync(join(dirname(dirname(path)), '.new-'));
  writeFileSync(join(scratch, 'index.mjs'), contents);
  renameSync(join(scratch, 'index.mjs'), path);
  rmSync(scratch, { recursive: true });
}
