import type { AlarmDefinition } from './alarm-state.ts';
import type { MetricFilter } from './collect-metrics.ts';

/** What the template says about watching the stack. */
export interface Monitoring {
  readonly dashboards: Dashboard[];
  readonly alarms: { readonly arn: string; readonly definition: AlarmDefinition }[];
  readonly filters: MetricFilter[];
}

export interface Dashboard {
  readonly name: string;
  /** JSON text, its references resolved. */
  readonly body: string;
}

export function createMonitoring(): Monitoring {
  return { dashboards: [], alarms: [], filters: [] };
}
