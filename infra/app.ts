import { addWebhookFanout, createApp } from './build-app.ts';
import { bundleLambdas } from './bundle-lambdas.ts';
import { readContext } from './context.ts';

const app = createApp();
const props = readContext((key) => app.node.tryGetContext(key));
await bundleLambdas();
addWebhookFanout(app, props);
app.synth();
