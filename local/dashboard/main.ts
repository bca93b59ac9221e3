import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createMetricStore } from '../aws/metrics/metric-store.ts';
import { startLocalStack } from '../local-stack.ts';
import { readFlags, refuseFlags } from '../read-flags.ts';
import { prepareLoad } from './load.ts';
import { dashboardPage } from './page.ts';
import { drawDashboard } from './panels.ts';
import { stepSecondsFor } from './step-seconds.ts';

/** `npm run dashboard`: a bad minute on the local run, drawn by the dashboard that would be deployed. */
const usage = `Plays a bad minute on this machine and draws the CloudWatch dashboard of it, from its own JSON.

  npm run dashboard -- [--seconds 60] [--out build/dashboard.html]`;

const { values } = readFlags(usage, {
  options: {
    seconds: { type: 'string', default: '60' },
    out: { type: 'string', default: 'build/dashboard.html' },
  },
});
const seconds = Number(values.seconds);
if (!(seconds >= 1 && seconds <= 3600)) refuseFlags(`--seconds ${values.seconds}: give 1 to 3600`);

process.env.TZ = 'UTC';
const driftToken = 'dashboard-token';
const metrics = createMetricStore();
console.log('Starting the whole system from its CloudFormation template …');
// What fails here fails on purpose and is on the dashboard.
const stack = await startLocalStack({ driftToken, quietPeriodSeconds: 5, metrics, onNotice: () => {} });
try {
  const start = Date.now();
  const load = await prepareLoad(stack, driftToken);
  try {
    console.log(
      `Playing for ${seconds} s: a subscriber that is well, one that is slow for a while, one that begins to fail …`,
    );
    await load.play(seconds);
    // Until the last inactivities have fired.
    await new Promise((done) => setTimeout(done, Math.min(8_000, seconds * 1000)));
    const range = { start, end: Date.now() };
    const stepSeconds = stepSecondsFor(range);
    const { monitoring } = stack;
    const page = dashboardPage(drawDashboard({ store: metrics, monitoring, range, stepSeconds }), {
      note: `Played on the local run. Where the dashboard says a minute, ${stepSeconds} s are drawn.`,
    });
    const file = resolve(values.out);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, page);
    console.log(`Drawn: ${pathToFileURL(file).href}`);
  } finally {
    await load.stop();
  }
} finally {
  await stack.stop();
}
process.exit(0);
