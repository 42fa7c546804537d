import { Duration } from 'aws-cdk-lib'
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import { helpdeskNames } from '../schemas/names.ts'
import { alarmAbove } from './alarm.ts'
import { measured, sumForEach } from './measured.ts'
import type { Settings } from './settings.ts'

/**
 * Alarms on what the model costs. A query over all tenants reaches three hours back at most, so a day's budget is
 * watched for the tenants that the settings name, and an hour's for everyone.
 */
export class Budgets extends Construct {
  constructor(scope: Construct, id: string, { dailyBudgets, hourlyBudget }: Settings) {
    super(scope, id)
    alarmAbove(
      this,
      'HourOfOneTenant',
      sumForEach('ModelCost', ['Helpdesk', 'Tenant'], ['Tenant'], Duration.hours(1)),
      hourlyBudget,
      `One tenant spent more than ${hourlyBudget} US dollars on the model within an hour (setting hourlyBudget): a flood of tickets, or a turn that became expensive. The state reason names the tenant: look at its turns, pause it if they are no customers'.`,
    )
    for (const [tenant, budget] of Object.entries(dailyBudgets)) {
      alarmAbove(
        this,
        `DayOf-${tenant}`,
        costOf(tenant),
        budget,
        `${tenant} spent more than ${budget} US dollars on the model within a day (setting dailyBudgets). It goes on answering: look at its turns, raise the budget, or pause the tenant.`,
      )
    }
  }
}

/** A tenant's cost of a day on every helpdesk together. */
function costOf(tenant: string): MathExpression {
  const period = Duration.days(1)
  const usingMetrics = Object.fromEntries(
    helpdeskNames.map((helpdesk) => [
      helpdesk,
      measured('ModelCost', { Helpdesk: helpdesk, Tenant: tenant }, period),
    ]),
  )
  return new MathExpression({ expression: 'SUM(METRICS())', usingMetrics, period })
}
