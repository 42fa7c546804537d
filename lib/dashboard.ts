import { Dashboard, GraphWidget, type IMetric, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import type { HelpdeskEndpoint } from './helpdesk-endpoint.ts'
import type { Sweeper } from './sweeper.ts'
import type { WebhookApi } from './webhook-api.ts'

/** What an operator looks at first: one row for the whole, one for each helpdesk. */
export function dashboard(
  scope: Construct,
  shown: { api: WebhookApi; endpoints: HelpdeskEndpoint[]; sweeper: Sweeper },
): Dashboard {
  const { api, endpoints, sweeper } = shown
  return new Dashboard(scope, 'Dashboard', {
    widgets: [
      [
        graph('Time to acknowledge a webhook, p99', api.latency),
        graph('Webhooks answered 5xx', api.serverErrors),
        graph('Sweeper: runs and errors', sweeper.sweep.handler.metricInvocations(), sweeper.sweep.errors),
      ],
      ...endpoints.flatMap(({ helpdesk, metrics, receive, answer }) => [
        [new TextWidget({ markdown: `## ${helpdesk}`, width: 24, height: 1 })],
        [
          graph('Webhooks', metrics.accepted, metrics.refused),
          graph('Turns', metrics.turns, metrics.replies, metrics.handOvers),
          graph('Duration of a turn, p99', answer.handler.metricDuration({ statistic: 'p99' })),
        ],
        [
          graph('Oldest wake-up, seconds', metrics.age),
          graph('Dead letters', metrics.deadLetters),
          graph('Errors', receive.errors, answer.errors),
        ],
      ]),
    ],
  })
}

const graph = (title: string, ...left: IMetric[]): GraphWidget => new GraphWidget({ title, left, width: 8 })
