import type { Section } from './section.ts';

/** Take half a minute and more each, so a quick run leaves them out. */
export const slowSections: readonly string[] = ['lateness', 'neighbours', 'history'];

/** In the order of the report. Each is loaded by the process that runs it. */
export const sections: Readonly<Record<string, () => Promise<Section>>> = {
  delivery: async () => (await import('./sections/delivery.ts')).measureDelivery,
  ingest: async () => (await import('./sections/ingest.ts')).measureIngest,
  'end-to-end': async () => (await import('./sections/end-to-end.ts')).measureEndToEnd,
  'cold-start': async () => (await import('./sections/cold-start.ts')).measureColdStart,
  timers: async () => (await import('./sections/timers.ts')).measureTimers,
  lateness: async () => (await import('./sections/lateness.ts')).measureLateness,
  history: async () => (await import('./sections/history.ts')).measureHistory,
  neighbours: async () => (await import('./sections/neighbours.ts')).measureNeighbours,
};
