import { httpsWebhookSender } from '../../lambdas/aws/https-webhook-sender.ts';

/** Run by a test in a process of its own: posts to the paths, ten at a time, and prints the most memory it ever had. */
const [port = '', ...paths] = process.argv.slice(2);
const sender = httpsWebhookSender({ policy: 'local', clock: Date.now, timeoutMs: 300 });
let results = 0;
for (let start = 0; start < paths.length; start += 10) {
  const batch = paths.slice(start, start + 10).map((path) => `http://127.0.0.1:${port}${path}`);
  results += (await Promise.all(batch.map((url) => sender.send({ url, headers: {}, body: '{}' })))).length;
}
console.log(JSON.stringify({ results, peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024) }));
process.exit(0);
