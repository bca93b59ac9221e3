import { addWebhookFanout, createApp } from './build-app.ts';
import { bundleLambdas } from './bundle-lambdas.ts';
import { readContext } from './context.ts';
import { sourceVersion } from './source-version.ts';

const app = createApp();
const props = readContext(app.node.getAllContext());
await bundleLambdas();
addWebhookFanout(app, { ...props, version: sourceVersion() });
app.synth();
