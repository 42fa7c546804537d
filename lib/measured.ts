import type { Duration } from 'aws-cdk-lib'
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { measuresNamespace } from './log-lines.ts'

/** One tenant's measure on one helpdesk. */
export const measured = (metricName: string, by: Record<string, string>, period: Duration): Metric =>
  new Metric({ namespace: measuresNamespace, metricName, dimensionsMap: by, statistic: 'Sum', period })

/**
 * The sum of a measure for each value of `by`, whichever there are: of the latest three hours at most, which is all
 * that an alarm may ask for, and 500 values.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
 */
export const sumForEach = (
  metricName: string,
  schema: readonly string[],
  by: readonly string[],
  period: Duration,
): MathExpression =>
  new MathExpression({
    expression: `SELECT SUM(${metricName}) FROM SCHEMA("${measuresNamespace}", ${schema.join(', ')}) GROUP BY ${by.join(', ')} ORDER BY SUM() DESC`,
    period,
  })

/** For graphs: every line of a measure that has these dimensions, and those values. */
export const search = (
  metricName: string,
  schema: readonly string[],
  only: Record<string, string>,
  statistic: string,
): string => {
  const values = Object.entries(only).map(([name, value]) => ` ${name}="${value}"`)
  return `SEARCH('{${[measuresNamespace, ...schema].join(',')}} MetricName="${metricName}"${values.join('')}', '${statistic}')`
}
