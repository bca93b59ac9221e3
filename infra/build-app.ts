import { App } from 'aws-cdk-lib';
import { featureFlags } from './feature-flags.ts';
import { type WebhookFanoutProps, WebhookFanoutStack } from './webhook-fanout-stack.ts';

export interface BuildAppOptions extends WebhookFanoutProps {
  /** Where the cloud assembly is written. Left out, the CDK CLI's choice, or a temporary directory. */
  readonly outDir?: string;
}

/** The CDK app with its one stack. The bundles must have been made before (`bundleLambdas`). */
export function buildApp({ outDir, ...props }: BuildAppOptions = {}): App {
  const app = createApp(outDir);
  addWebhookFanout(app, props);
  return app;
}

export function createApp(outDir?: string): App {
  return new App({ context: { ...featureFlags }, analyticsReporting: false, ...(outDir && { outdir: outDir }) });
}

export function addWebhookFanout(app: App, props: WebhookFanoutProps): WebhookFanoutStack {
  const stage = props.stage ?? 'prod';
  return new WebhookFanoutStack(app, `webhook-fanout-${stage}`, props);
}
