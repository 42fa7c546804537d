import { FilterPattern } from 'aws-cdk-lib/aws-logs'

const event = (name: string) => FilterPattern.stringValue('$.event', '=', name)
const code = (name: string) => FilterPattern.stringValue('$.code', '=', name)

/** The log lines that are counted and watched. Every name that the stack takes from the log is here. */
export const logLines = {
  webhookAccepted: event('webhook_accepted'),
  webhookRefused: event('webhook_refused'),
  turn: event('turn_ended'),
  // By their own lines: one turn may look at its ticket more than once, and ends with the last look's code.
  reply: FilterPattern.all(event('reply_posted'), code('replied')),
  handOver: event('handed_over'),
  /** An operator must look at it, whatever its event. */
  alarm: FilterPattern.booleanValue('$.alarm', true),
}
