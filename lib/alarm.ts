import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'

/** Rises as soon as one period of `metric` is above `threshold`. `meaning` tells the operator what to do. */
export const alarmAbove = (
  scope: Construct,
  id: string,
  metric: IMetric,
  threshold: number,
  meaning: string,
): Alarm =>
  new Alarm(scope, id, {
    metric,
    threshold,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: meaning,
  })
