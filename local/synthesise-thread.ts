import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { buildApp } from '../infra/build-app.ts';
import { bundleLambdas } from '../infra/bundle-lambdas.ts';
import type { SynthesisInput } from './synthesise.ts';

const { workDirectory, ...choices } = workerData as SynthesisInput;

// Folders of this run alone: several may start at once.
const bundleDirectory = join(workDirectory, 'lambdas');
await bundleLambdas(bundleDirectory);
const app = buildApp({
  stage: 'local',
  outDir: join(workDirectory, 'assembly'),
  bundleDirectory,
  outboundPolicy: 'local',
  removalPolicy: 'destroy',
  ...choices,
});
parentPort?.postMessage(app.synth().directory);
// The bundler keeps a process of its own waiting for more.
process.exit(0);
