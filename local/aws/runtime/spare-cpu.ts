import { availableParallelism, cpus } from 'node:os';
import { performance } from 'node:perf_hooks';

/** Of all cores, and of the main thread's time; above it, one more worker would only make the others slower. */
const busyShare = 0.85;
const sampleMs = 100;

/**
 * A gauge of whether the machine has a core to spare, over the last tenth of a second or more. It looks at all
 * processes, at this one's own share of what it may use (a container's quota is not seen from the machine's side), and
 * at this thread, through which all calls of all workers go.
 */
export function createCpuGauge(now: () => number = () => performance.now()): () => boolean {
  let sampledAt = now();
  let own = process.cpuUsage();
  let machine = machineTimes();
  let loop = performance.eventLoopUtilization();
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
    const loopShare = performance.eventLoopUtilization(loop).utilization;
    hasSpare = Math.max(ownShare, machineShare, loopShare) < busyShare;
    sampledAt = at;
    own = process.cpuUsage();
    machine = times;
    loop = performance.eventLoopUtilization();
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
