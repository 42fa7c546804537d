/**
 * The account's HTTP integration: what it sends, when it gives up, and when Gorgias switches it off.
 * https://developers.gorgias.com/reference/integrations
 */
import type { Webhook } from '../stand-in.ts'
import type { Message, Ticket } from './account.ts'

export type Trigger = 'ticket-message-created' | 'ticket-message-failed'

/** The form an admin gives to the integration, as in the docs page. */
export const form: Readonly<Record<string, string>> = {
  v: '1',
  event: '{{event.type}}',
  ticket_id: '{{ticket.id}}',
  message_id: '{{message.id}}',
  from_agent: '{{message.from_agent}}',
  sender_id: '{{message.sender.id}}',
  via: '{{message.via}}',
  channel: '{{ticket.channel}}',
}

/** A form with its placeholders filled in: every value is text, booleans as Python writes them. */
export function formBody(
  trigger: Trigger,
  ticket: Ticket,
  message: Message,
  templates: Readonly<Record<string, string>> = form,
): string {
  const values: Readonly<Record<string, unknown>> = {
    'event.type': trigger,
    'ticket.id': ticket.id,
    'ticket.channel': ticket.channel,
    'message.id': message.id,
    'message.from_agent': message.from_agent,
    'message.sender.id': message.sender?.id ?? null,
    'message.via': message.via,
  }
  const filled = Object.entries(templates).map(([key, template]) => [
    key,
    template.replace(/\{\{([\w.]+)\}\}/g, (whole, name: string) =>
      name in values ? pythonText(values[name]) : whole,
    ),
  ])
  return JSON.stringify(Object.fromEntries(filled))
}

function pythonText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? 'None' : String(value)
}

/** Where an integration calls. `headers` are the admin's own; without them the secret is in ours. */
export interface Called extends Webhook {
  headers?: Readonly<Record<string, string>>
}
export const formHeaders = (
  _rawBody: string,
  { secret, headers = { 'x-deskhand-secret': secret } }: Called,
): Record<string, string> => ({ 'content-type': 'application/json', ...headers })

/** Not documented; long enough for any receiver that only rings. */
export const deadlineMs = 5000

/** "Individual requests are retried, e.g. on time-outs": once here, and any answer is final. */
export const retries = (response: Response | undefined): number => (response === undefined ? 1 : 0)

/** Failures in a row after which Gorgias switches an integration off. https://docs.gorgias.com/faq/broken-or-disconnected-http-integration */
export const failuresUntilOff = 100
