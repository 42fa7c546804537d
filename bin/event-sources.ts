/** What takes wake-ups from a helpdesk's queue: switched off, nothing of that helpdesk is answered. */
import {
  LambdaClient,
  type LambdaClientConfig,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda'
import { DeskhandError } from '../lambdas/core/errors.ts'

/** `Enabled`, `Disabled`, or on the way: `Enabling`, `Disabling`, `Updating`, `Creating`. */
export type EventSourceState = string

export interface EventSources {
  state(queueArn: string): Promise<EventSourceState>
  /** Takes effect within a minute; a turn under way ends. Answers the state it is on the way to. */
  enable(queueArn: string, enabled: boolean): Promise<EventSourceState>
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html */
export function createEventSources(config: LambdaClientConfig): EventSources {
  const lambda = new LambdaClient(config)
  const find = async (EventSourceArn: string) => {
    const { EventSourceMappings = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ EventSourceArn }),
    )
    const [mapping] = EventSourceMappings
    if (mapping?.UUID !== undefined) return { ...mapping, UUID: mapping.UUID }
    throw new DeskhandError(
      'bad_configuration',
      `nothing takes messages from ${EventSourceArn}: deploy the stack again`,
    )
  }
  return {
    state: async (queueArn) => (await find(queueArn)).State ?? 'unknown',
    async enable(queueArn, Enabled) {
      const { UUID } = await find(queueArn)
      const { State } = await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }))
      return State ?? 'unknown'
    },
  }
}
