import { availableParallelism, cpus } from 'node:os';

/** Of all cores; above it, one more worker would only make the others slower. */
const busyShare = 0.85;
const sampleMs = 100;

/**
 * A gauge of whether the machine has a core to spare, over the last tenth of a second or more. It looks at all
 * processes, and at this one's own share of what it may use (a container's quota is not seen from the machine's side).
 */
export function createCpuGauge(now: () => number = () => performance.now()): () => boolean {
  let sampledAt = now();
  let own = process.cpuUsage();
  let machine = machineTimes();
  let hasSpare = true;

  return () => {
    const at = now();
    const elapsedMs = at - sampledAt;
    if (elapsedMs < sampleMs) return hasSpare;
    const used = process.cpuUsage(own);
    const ownShare = (used.user + used.system) / 1000 / elapsedMs / availableParallelism();
    const times = machineTimes();
    const total = times.total - machine.total;
    const machineShare = total > 0 ? 1 - (times.idle - machine.idle) / total : 0;
    hasSpare = ownShare < busyShare && machineShare < busyShare;
    sampledAt = at;
    own = process.cpuUsage();
    machine = times;
    return hasSpare;
  };
}

function machineTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}
