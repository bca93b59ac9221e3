// One cold start: loads a bundle, hands its handler one event, says how long that took and ends. Plain JavaScript, so
// that no time goes into stripping types. Arguments: the bundle's path, the event as JSON.
import { writeSync } from 'node:fs';

const [bundle, event] = process.argv.slice(2);
const loadedFrom = performance.now();
const { handler } = await import(bundle);
const answeredFrom = performance.now();
const answer = await handler(JSON.parse(event), {
  awsRequestId: '8f5cb8e5',
  functionName: 'bench',
  getRemainingTimeInMillis: () => 60_000,
});
const answeredAt = performance.now();
const { user, system } = process.cpuUsage();
writeSync(
  3,
  JSON.stringify({
    // From the start of the process, node's own included.
    totalMs: answeredAt,
    loadMs: answeredFrom - loadedFrom,
    answerMs: answeredAt - answeredFrom,
    cpuMs: (user + system) / 1000,
    answer,
  }),
);
process.exit(0);
