import { Duration } from 'aws-cdk-lib'
import {
  Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  GraphWidgetView,
  type IMetric,
  MathExpression,
  type Metric,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch'
import { type Construct, Node } from 'constructs'
import type { HelpdeskEndpoint } from './helpdesk-endpoint.ts'
import { search } from './measured.ts'
import type { Sweeper } from './sweeper.ts'
import type { WebhookApi } from './webhook-api.ts'

const steps = ['Read', 'Identify', 'UserData', 'Model', 'Tool', 'Post'] as const
const tenant = ['Helpdesk', 'Tenant']
/** CloudWatch shows no more in one widget; budgets of single tenants come last. */
const mostAlarms = 100
const withCause = [...tenant, 'Cause']

/** What an operator reads from the top: is it up, is it behind, what does it do, what does it cost. */
export function dashboard(
  scope: Construct,
  shown: { api: WebhookApi; endpoints: HelpdeskEndpoint[]; sweeper: Sweeper },
): Dashboard {
  const { api, endpoints, sweeper } = shown
  const alarms = Node.of(scope)
    .findAll()
    .filter((construct) => construct instanceof Alarm)
  return new Dashboard(scope, 'Dashboard', {
    widgets: [
      [title('Is it up?')],
      [new AlarmStatusWidget({ title: 'Alarms', alarms: alarms.slice(0, mostAlarms), width: 24, height: 6 })],
      [
        graph('Time to acknowledge a webhook, p99, ms', api.latency),
        graph('Webhooks answered 5xx', api.serverErrors),
        graph('Sweeper: runs and errors', sweeper.sweep.handler.metricInvocations(), sweeper.sweep.errors),
      ],
      [
        graph('Crashes of receive', ...endpoints.map((each) => labelled(each, each.receive.errors))),
        graph('Crashes of answer', ...endpoints.map((each) => labelled(each, each.answer.errors))),
        graph(
          'Turns that failed, to be tried again',
          ...endpoints.map((each) => labelled(each, each.metrics.turnsFailed)),
        ),
      ],
      [title('Is it behind?')],
      [
        graph('Oldest wake-up, seconds', ...endpoints.map((each) => labelled(each, each.metrics.age))),
        graph('Wake-ups waiting', ...endpoints.map((each) => labelled(each, each.metrics.waiting))),
        graph('Dead letters', ...endpoints.map((each) => labelled(each, each.metrics.deadLetters))),
      ],
      [title('What does it do?')],
      [
        ...(['Events', 'Turns'] as const).map((name) =>
          graph(
            name,
            ...endpoints.map(({ helpdesk }) => total(name, tenant, { Helpdesk: helpdesk }, helpdesk)),
          ),
        ),
        graph(
          'Replies',
          ...endpoints.map(({ helpdesk }) =>
            total('Replies', [...tenant, 'Code'], { Helpdesk: helpdesk }, helpdesk),
          ),
        ),
      ],
      [
        graph('Hand-overs by cause', lines('HandOvers', withCause)),
        graph('Tool calls refused, by cause', lines('ToolRefusals', withCause)),
        graph(
          'Webhooks refused, by cause',
          lines('Refusals', withCause),
          lines('RefusedStrangers', ['Helpdesk', 'Cause']),
        ),
      ],
      [
        graph('Duration of a turn, p90 of the slowest tenant, ms', slowest('TurnMs', 'turn')),
        graph(
          'Where the time goes, p90 of the slowest tenant, ms',
          ...steps.map((step) => slowest(`${step}Ms`, step.toLowerCase())),
        ),
        graph('Duration of receive, p99, ms', ...endpoints.map(duration)),
      ],
      [graph('Writes by outcome', lines('Writes', [...tenant, 'Code']))],
      [title('What does it cost?')],
      [
        new GraphWidget({
          title: 'Model by tenant and day, US dollars',
          left: [lines('ModelCost', tenant, Duration.days(1))],
          view: GraphWidgetView.BAR,
          width: 12,
        }),
        new GraphWidget({
          title: 'Tokens',
          left: (['InputTokens', 'OutputTokens', 'CacheReadTokens', 'CacheWriteTokens'] as const).map(
            (name) => total(name, tenant, {}, name),
          ),
          stacked: true,
          width: 12,
        }),
      ],
    ],
  })
}

const title = (text: string): TextWidget => new TextWidget({ markdown: `## ${text}`, width: 24, height: 1 })
const graph = (name: string, ...left: IMetric[]): GraphWidget =>
  new GraphWidget({ title: name, left, width: 8 })

const labelled = ({ helpdesk }: HelpdeskEndpoint, metric: Metric): Metric => metric.with({ label: helpdesk })
const duration = ({ helpdesk, receive }: HelpdeskEndpoint): IMetric =>
  receive.handler.metricDuration({ statistic: 'p99', label: helpdesk })

/** One line for each tenant, helpdesk and what else the measure is counted by. */
const lines = (name: string, schema: string[], period = Duration.minutes(5)): MathExpression =>
  new MathExpression({ expression: search(name, schema, {}, 'Sum'), label: '', period })
const total = (name: string, schema: string[], only: Record<string, string>, label: string): MathExpression =>
  new MathExpression({
    expression: `SUM(${search(name, schema, only, 'Sum')})`,
    label,
    period: Duration.minutes(5),
  })
const slowest = (name: string, label: string): MathExpression =>
  new MathExpression({
    expression: `MAX(${search(name, tenant, {}, 'p90')})`,
    label,
    period: Duration.minutes(5),
  })
