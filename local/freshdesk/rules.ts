/** The two automation rules that an admin sets up, and how Freshdesk delivers what they send. */
import type { Webhook } from '../stand-in.ts'

/** `{{triggered_event}}` looks like JSON and is not. https://github.com/zulip/zulip/tree/main/zerver/webhooks/freshdesk/fixtures */
export type Event =
  | '{ticket_action:created}'
  | '{reply_sent:sent}'
  | '{note_type:public}'
  | '{note_type:private}'

/** Our body: every value is a string. */
export const ruleBody = (ticketId: number, event: Event): string =>
  JSON.stringify({ v: 1, ticket_id: String(ticketId), event })

/** The header that the admin typed into the rule; nothing is signed. */
export const ruleHeaders = ({ secret }: Webhook): Record<string, string> => ({
  'content-type': 'application/json',
  'x-deskhand-secret': secret,
})

/**
 * A failed delivery is sent again 5, then 30, then 60 minutes later: here 1, 6 and 12 delays.
 * https://supportsandbox.freshdesk.com/support/solutions/articles/11000000028141-receiving-webhook-failure-emails
 */
export const retryFactors = [1, 6, 12] as const
/** Freshdesk's deadline is not documented. */
export const deadlineMs = 10_000
