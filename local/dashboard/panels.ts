import { type AlarmState, alarmState } from '../aws/metrics/alarm-state.ts';
import { MetricError } from '../aws/metrics/metric-error.ts';
import { evaluateMath, type MathScope } from '../aws/metrics/metric-math.ts';
import type { MetricId, MetricStore, TimeRange } from '../aws/metrics/metric-store.ts';
import type { Monitoring } from '../aws/metrics/monitoring.ts';
import { parseSearch } from '../aws/metrics/search-expression.ts';
import { readSeries, type TimeSeries } from '../aws/metrics/time-series.ts';
import { type MetricWidget, type RowOptions, readDashboardBody, type Widget } from './dashboard-body.ts';
import { type Unit, unitOfTitle } from './figures.ts';

/** A dashboard with its figures. */
export interface DrawnDashboard {
  readonly name: string;
  readonly range: TimeRange;
  readonly alarms: readonly AlarmState[];
  readonly choice: Choice | undefined;
  readonly panels: readonly Panel[];
}

/** What is chosen at the top: a panel that depends on it is there once for each value. */
export interface Choice {
  readonly label: string;
  readonly values: readonly string[];
  /** All that lines are about, also what cannot be chosen yet. */
  readonly subjects: readonly string[];
}

interface Place {
  /** In a grid of 24 columns. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Shown for this choice only. */
  readonly chosen?: string;
}

export type Panel = TextPanel | AlarmPanel | NumberPanel | GraphPanel;

export interface TextPanel extends Place {
  readonly kind: 'text';
  readonly title: string;
  readonly text: string;
}

export interface AlarmPanel extends Place {
  readonly kind: 'alarms';
  readonly title: string;
  readonly alarms: readonly AlarmState[];
}

export interface NumberPanel extends Place {
  readonly kind: 'numbers';
  readonly title: string;
  readonly unit: Unit;
  readonly numbers: readonly { readonly label: string; readonly value: number | undefined }[];
}

export interface GraphPanel extends Place {
  readonly kind: 'graph';
  readonly title: string;
  readonly unit: Unit;
  readonly stacked: boolean;
  readonly lines: readonly GraphLine[];
  readonly thresholds: readonly { readonly label: string; readonly value: number }[];
}

export interface GraphLine {
  readonly label: string;
  readonly periodMs: number;
  readonly points: ReadonlyMap<number, number>;
  /** Whether its figures add up over time. */
  readonly isSum: boolean;
  /** What it is about where that can be chosen: it has the same colour in every graph. */
  readonly subject: string | undefined;
}

export interface DrawOptions {
  readonly store: MetricStore;
  readonly monitoring: Monitoring;
  readonly range: TimeRange;
  /**
   * Drawn in place of every period that is shorter than an hour. A run of a minute has one figure to the minute, which is
   * no curve; alarms are checked by their own periods all the same.
   */
  readonly stepSeconds: number;
}

const hourSeconds = 3600;
/** CloudWatch's, for a metric that says none. */
const defaultPeriodSeconds = 300;

/** Throws `MetricError` that names the widget with something that the local run does not know. */
export function drawDashboard({ store, monitoring, range, stepSeconds }: DrawOptions): DrawnDashboard {
  const [dashboard, ...others] = monitoring.dashboards;
  if (dashboard === undefined || others.length > 0) {
    throw new MetricError(`the template has ${monitoring.dashboards.length} dashboards, and one is drawn`);
  }
  const drawnPeriodMs = (seconds: number): number => (seconds < hourSeconds ? stepSeconds : seconds) * 1000;
  const alarms = new Map(
    monitoring.alarms.map(({ arn, definition }) => [arn, alarmState(definition, store, range)] as const),
  );
  const { variable, widgets } = readDashboardBody(dashboard.body);
  const dimension = variable?.populateFrom ?? '';
  const values = variable === undefined ? [] : valuesOf(dimension, parseSearch(variable.search), store);

  const draw = (widget: Widget): Panel => {
    const { x, y, width, height } = widget;
    const place = { x, y, width, height };
    switch (widget.type) {
      case 'text': {
        const [, title = '', text = ''] = /^###\s*(.*?)(?:\n([\s\S]*))?$/.exec(widget.properties.markdown) ?? [];
        if (title === '') throw new MetricError(`the text ${widget.properties.markdown} has no heading "### …"`);
        return { ...place, kind: 'text', title, text };
      }
      case 'alarm':
        return {
          ...place,
          kind: 'alarms',
          title: widget.properties.title,
          alarms: widget.properties.alarms.map((arn) => {
            const state = alarms.get(arn);
            if (state === undefined)
              throw new MetricError(`the widget "${widget.properties.title}": no alarm is ${arn}`);
            return state;
          }),
        };
      case 'metric':
        try {
          return { ...place, ...drawMetrics(widget, dimension, { store, range, drawnPeriodMs }) };
        } catch (error) {
          if (!(error instanceof MetricError)) throw error;
          throw new MetricError(`the widget "${widget.properties.title}": ${error.message}`);
        }
      default:
        return widget satisfies never;
    }
  };

  const panels = widgets.flatMap((widget): Panel[] => {
    const text = JSON.stringify(widget);
    if (variable === undefined || !text.includes(variable.pattern)) return [draw(widget)];
    // With nothing to choose from it is drawn all the same, so that what it asks for is checked.
    if (values.length === 0) return [draw(widget)];
    return values.map((chosen) => ({
      ...draw(JSON.parse(text.replaceAll(variable.pattern, chosen)) as Widget),
      chosen,
    }));
  });
  return {
    name: dashboard.name,
    range,
    alarms: [...alarms.values()],
    choice: variable && { label: variable.label, values, subjects: valuesOf(dimension, () => true, store) },
    panels,
  };
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

function drawMetrics(
  { properties }: MetricWidget,
  subjectDimension: string,
  { store, range, drawnPeriodMs }: Pick<MathScope, 'store' | 'range' | 'drawnPeriodMs'>,
): Omit<NumberPanel, keyof Place> | Omit<GraphPanel, keyof Place> {
  const rows = properties.metrics.map(readRow);
  const seriesOf = ({ namespace, metric, dimensions, options }: Row): readonly TimeSeries[] => {
    const { expression, period = defaultPeriodSeconds, stat = 'Average' } = options;
    const periodMs = drawnPeriodMs(period);
    if (namespace !== undefined) {
      return [readSeries(store, { namespace, metric, dimensions }, stat, periodMs, range)];
    }
    if (expression === undefined) throw new MetricError('a row has neither a metric nor an expression');
    return evaluateMath(expression, {
      store,
      range,
      periodMs,
      drawnPeriodMs,
      named(id) {
        const row = rows.find(({ options: { id: given } }) => given === id);
        return row && seriesOf(row);
      },
    });
  };
  const visible = rows.filter(({ options }) => options.visible !== false);
  const unit = unitOfTitle(properties.title);
  if (properties.view === 'singleValue') {
    const numbers = visible.flatMap((row) =>
      seriesOf(row).map((series) => ({ label: labelOf(row, series), value: [...series.points.values()].at(-1) })),
    );
    return { kind: 'numbers', title: properties.title, unit, numbers };
  }
  return {
    kind: 'graph',
    title: properties.title,
    unit,
    stacked: properties.stacked ?? false,
    lines: visible.flatMap((row) =>
      seriesOf(row).map((series) => ({
        label: labelOf(row, series),
        periodMs: series.periodMs,
        points: series.points,
        isSum: isSum(row),
        subject: series.id?.dimensions[subjectDimension],
      })),
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

function isSum({ options: { stat, expression } }: Row): boolean {
  return stat === 'Sum' || /^\s*SEARCH\(.*, 'Sum', \d+\)\s*$/.test(expression ?? '');
}
