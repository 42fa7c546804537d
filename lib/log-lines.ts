import { FilterPattern } from 'aws-cdk-lib/aws-logs'

const event = (name: string) => FilterPattern.stringValue('$.event', '=', name)
const code = (name: string) => FilterPattern.stringValue('$.code', '=', name)

/** The log lines that are counted and watched. Every name that the stack takes from the log is here. */
export const logLines = {
  webhookAccepted: event('webhook_accepted'),
  webhookRefused: event('webhook_refused'),
  turn: event('turn_ended'),
  reply: FilterPattern.all(event('turn_ended'), code('replied')),
  handOver: FilterPattern.all(event('turn_ended'), code('handed_over')),
  /** An operator must look at it, whatever its event. */
  alarm: FilterPattern.booleanValue('$.alarm', true),
}
