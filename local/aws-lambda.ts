/** Lambda: the event sources of queues, listed and switched off and on. The laptop's workers follow them. */
import { type Caller, onlyOwn, refuse } from './aws-service.ts'
import { queueArn } from './aws-sqs.ts'
import type { AwsState } from './aws-state.ts'

/** Where the SDK asks. https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html */
export const eventSourcesPath = '/2015-03-31/event-source-mappings'

/** One call of Lambda's REST API. Throws what AWS would answer as an error. */
export function eventSources(
  state: AwsState,
  call: { method: string; url: string; body: string; caller: Caller },
): unknown {
  onlyOwn(call.caller, 'lambda:UpdateEventSourceMapping')
  const { pathname, searchParams } = new URL(call.url, 'http://localhost')
  const described = (name: string) => ({
    UUID: uuidOf(name),
    EventSourceArn: queueArn(name),
    State: state.queues[name]?.isOff === true ? 'Disabled' : 'Enabled',
  })
  if (call.method === 'GET') {
    const wanted = searchParams.get('EventSourceArn')
    const names = Object.keys(state.queues).filter(
      (name) => queueArn(name) === wanted && isSource(state, name),
    )
    return { EventSourceMappings: names.map(described) }
  }
  const uuid = pathname.slice(eventSourcesPath.length).replaceAll('/', '')
  const name = Object.keys(state.queues).find((each) => isSource(state, each) && uuidOf(each) === uuid)
  const queue = name === undefined ? undefined : state.queues[name]
  if (call.method !== 'PUT' || name === undefined || queue === undefined)
    return refuse('ResourceNotFoundException', 'The resource you requested does not exist.', 404)
  const { Enabled } = JSON.parse(call.body) as { Enabled?: boolean }
  queue.isOff = Enabled === false
  return { ...described(name), State: queue.isOff ? 'Disabling' : 'Enabling' }
}

/** Nothing takes messages from a dead-letter queue. */
const isSource = (state: AwsState, name: string): boolean =>
  !Object.values(state.queues).some(({ redrive }) => redrive?.deadLetterQueue === name)

/** The same in every process. */
const uuidOf = (name: string): string => Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32)
