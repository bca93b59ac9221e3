import { type AlarmState, alarmState } from '../aws/metrics/alarm-state.ts';
import { MetricError } from '../aws/metrics/metric-error.ts';
import { evaluateMath } from '../aws/metrics/metric-math.ts';
import type { MetricId, MetricStore, TimeRange } from '../aws/metrics/metric-store.ts';
import type { Monitoring } from '../aws/metrics/monitoring.ts';
import { parseSearch } from '../aws/metrics/search-expression.ts';
import { readSeries, type TimeSeries } from '../aws/metrics/time-series.ts';
import { type MetricWidget, type RowOptions, readDashboardBody, type Widget } from './dashboard-body.ts';
import { type Unit, unitOfTitle } from './figures.ts';

/** A dashboard with its figures: of each line, one for the whole range. */
export interface DashboardFigures {
  readonly name: string;
  readonly range: TimeRange;
  readonly panels: readonly Panel[];
}

export type Panel =
  | { readonly kind: 'text'; readonly title: string; readonly text: string }
  | { readonly kind: 'alarms'; readonly title: string; readonly alarms: readonly AlarmState[] }
  | FiguresPanel;

export interface FiguresPanel {
  readonly kind: 'figures';
  readonly title: string;
  readonly unit: Unit;
  readonly lines: readonly { readonly label: string; readonly value: number | undefined }[];
  readonly thresholds: readonly { readonly label: string; readonly value: number }[];
}

export interface DashboardOptions {
  readonly store: MetricStore;
  readonly monitoring: Monitoring;
  readonly range: TimeRange;
}

/** Throws `MetricError` that names the widget with something that is not served here. */
export function dashboardFigures({ store, monitoring, range }: DashboardOptions): DashboardFigures {
  const [dashboard, ...others] = monitoring.dashboards;
  if (dashboard === undefined || others.length > 0) {
    throw new MetricError(`the template has ${monitoring.dashboards.length} dashboards, and one is shown`);
  }
  const { variable, widgets } = readDashboardBody(dashboard.body);
  const values = variable === undefined ? [] : valuesOf(variable.populateFrom, parseSearch(variable.search), store);

  const read = (widget: Widget): Panel => {
    switch (widget.type) {
      case 'text': {
        const [, title = '', text = ''] = /^###\s*(.*?)(?:\n([\s\S]*))?$/.exec(widget.properties.markdown) ?? [];
        if (title === '') throw new MetricError(`the text ${widget.properties.markdown} has no heading "### …"`);
        return { kind: 'text', title, text };
      }
      case 'alarm': {
        const { title, alarms } = widget.properties;
        return { kind: 'alarms', title, alarms: alarms.map((arn) => stateOf(arn, title)) };
      }
      case 'metric':
        try {
          return readMetrics(widget, store, range);
        } catch (error) {
          if (!(error instanceof MetricError)) throw error;
          throw new MetricError(`the widget "${widget.properties.title}": ${error.message}`);
        }
      default:
        return widget satisfies never;
    }
  };
  const stateOf = (arn: string, title: string): AlarmState => {
    const alarm = monitoring.alarms.find((one) => one.arn === arn);
    if (alarm === undefined) throw new MetricError(`the widget "${title}": no alarm is ${arn}`);
    return alarmState(alarm.definition, store, range);
  };

  const panels = widgets.flatMap((widget): Panel[] => {
    const text = JSON.stringify(widget);
    // With nothing to choose from it is read all the same, so that what it asks for is checked.
    if (variable === undefined || values.length === 0 || !text.includes(variable.pattern)) return [read(widget)];
    return values.map((chosen) => {
      const panel = read(JSON.parse(text.replaceAll(variable.pattern, chosen)) as Widget);
      return { ...panel, title: `${panel.title} · ${chosen}` };
    });
  });
  return { name: dashboard.name, range, panels };
}

function valuesOf(dimension: string, isFound: (id: MetricId) => boolean, store: MetricStore): string[] {
  const found = store.list().filter(isFound);
  return [...new Set(found.flatMap(({ dimensions }) => dimensions[dimension] ?? []))].sort();
}

interface Row {
  readonly namespace: string | undefined;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly options: RowOptions;
}

function readMetrics({ properties }: MetricWidget, store: MetricStore, range: TimeRange): FiguresPanel {
  const rows = properties.metrics.map(readRow);
  const periodMs = range.end - range.start;
  const seriesOf = ({ namespace, metric, dimensions, options }: Row): readonly TimeSeries[] => {
    const { expression, stat = 'Average' } = options;
    if (namespace !== undefined) return [readSeries(store, { namespace, metric, dimensions }, stat, periodMs, range)];
    if (expression === undefined) throw new MetricError('a row has neither a metric nor an expression');
    return evaluateMath(expression, {
      store,
      range,
      periodMs,
      drawnPeriodMs: () => periodMs,
      named(id) {
        const row = rows.find(({ options: { id: given } }) => given === id);
        return row && seriesOf(row);
      },
    });
  };
  const visible = rows.filter(({ options }) => options.visible !== false);
  return {
    kind: 'figures',
    title: properties.title,
    unit: unitOfTitle(properties.title),
    lines: visible.flatMap((row) =>
      seriesOf(row).map((series) => ({ label: labelOf(row, series), value: series.points.values().next().value })),
    ),
    thresholds: (properties.annotations?.horizontal ?? []).map(({ label = 'alarm', value }) => ({ label, value })),
  };
}

function readRow(cells: readonly (string | RowOptions)[]): Row {
  const names = cells.filter((cell) => typeof cell === 'string');
  const last = cells.at(-1);
  const options = typeof last === 'object' ? last : {};
  const [namespace, metric = '', ...dimensions] = names;
  if (names.some((name) => /^\.+$/.test(name))) throw new MetricError('the local run does not know rows with "."');
  if (dimensions.length % 2 !== 0) throw new MetricError(`a dimension of ${metric} has no value`);
  const pairs = dimensions.flatMap((name, index) => (index % 2 === 0 ? [[name, dimensions[index + 1] ?? '']] : []));
  return { namespace, metric, dimensions: Object.fromEntries(pairs) as Record<string, string>, options };
}

function labelOf({ options, metric }: Row, { id }: TimeSeries): string {
  const { label } = options;
  if (label === undefined) return id?.metric ?? (metric === '' ? (options.id ?? 'expression') : metric);
  return label.replace(/\$\{([^}]*)\}/g, (_, text: string) => {
    const dimension = /^PROP\('Dim\.([^']+)'\)$/.exec(text)?.[1];
    if (dimension === undefined) throw new MetricError(`the local run does not know \${${text}} in a label`);
    return id?.dimensions[dimension] ?? '';
  });
}
