import type { MetricName } from '../../../lambdas/contracts/metrics.ts';
import type { Log, Metrics } from '../../../lambdas/ports/telemetry.ts';

/** Metrics that can be looked at. */
export class RecordedMetrics implements Metrics {
  readonly added: { name: MetricName; value: number; dimensions: Readonly<Record<string, string>> }[] = [];
  flushes = 0;

  add(name: MetricName, value: number, dimensions: Readonly<Record<string, string>> = {}): void {
    this.added.push({ name, value, dimensions });
  }

  flush(): void {
    this.flushes++;
  }

  valuesOf(name: MetricName): number[] {
    return this.added.filter((metric) => metric.name === name).map(({ value }) => value);
  }
}

/** Log lines that can be looked at. */
export class RecordedLog implements Log {
  readonly lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];

  info(message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level: 'error', message, fields });
  }
}
