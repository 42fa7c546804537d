import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'

/**
 * An alarm's name says where it comes from: `Deskhand/zendesk/Receive` and `Errors` make
 * `deskhand-zendesk-receive-errors`. docs/operations.md has a section for each.
 */
export const alarmName = (scope: Construct, id: string): string =>
  `${scope.node.path}/${id}`
    .replaceAll('/', '-')
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()

/** Rises as soon as one period of `metric` is above `threshold`. `meaning`: the cause, and what to do. */
export const alarmAbove = (
  scope: Construct,
  id: string,
  metric: IMetric,
  threshold: number,
  meaning: string,
): Alarm =>
  new Alarm(scope, id, {
    alarmName: alarmName(scope, id),
    metric,
    threshold,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: meaning,
  })
