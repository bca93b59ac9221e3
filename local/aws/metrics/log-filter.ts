import { MetricError } from './metric-error.ts';

/**
 * A filter pattern of CloudWatch Logs that asks for any of some terms: `?ERROR ?"Task timed out"`. Throws `MetricError` for
 * the other forms. Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function parseLogFilter(pattern: string): (line: string) => boolean {
  const terms = [...pattern.matchAll(/\?(?:"([^"]*)"|([\w-]+))(?:\s+|$)/g)];
  if (terms.length === 0 || terms.map(([found]) => found).join('') !== pattern) {
    throw new MetricError(`the local run does not know the filter pattern ${pattern}`);
  }
  const wanted = terms.map(([, quoted, plain]) => quoted ?? plain ?? '');
  return (line) => wanted.some((term) => line.includes(term));
}
