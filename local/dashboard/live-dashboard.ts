import type { ProxyAnswer } from '../aws/gateway/proxy-answer.ts';
import type { MetricStore } from '../aws/metrics/metric-store.ts';
import type { Monitoring } from '../aws/metrics/monitoring.ts';
import { dashboardPage } from './page.ts';
import { dashboardFigures } from './panels.ts';

/** The dashboard of a run that goes on: the figures of the last ten minutes, or of what there is of them. */
export function liveDashboard(options: {
  readonly store: MetricStore;
  readonly monitoring: Monitoring;
  readonly now: () => number;
}): () => ProxyAnswer {
  const { store, monitoring, now } = options;
  return () => {
    const end = now();
    const range = { start: Math.max(store.firstAt() ?? end - 1000, end - 600_000), end };
    const page = dashboardPage(dashboardFigures({ store, monitoring, range }), 5);
    return { status: 200, headers: [['content-type', 'text/html; charset=utf-8']], body: Buffer.from(page) };
  };
}
