/** The HTTP integrations that call a connection, as Gorgias keeps them. https://developers.gorgias.com/reference/integrations */

export const triggers = ['ticket-message-created', 'ticket-message-failed'] as const
export type Trigger = (typeof triggers)[number]

/** As people write it; Gorgias sends it in any case. */
export const secretHeader = 'X-Deskhand-Secret'

/** What is sent, with Gorgias's placeholders: ids and marks only. */
export const formOf = (trigger: Trigger): Record<string, string> => ({
  v: '1',
  // Whether `{{event.type}}` is filled in is not documented: what must not be missed says its event in plain text.
  event: trigger === 'ticket-message-created' ? '{{event.type}}' : trigger,
  ticket_id: '{{ticket.id}}',
  message_id: '{{message.id}}',
  from_agent: '{{message.from_agent}}',
  sender_id: '{{message.sender.id}}',
  via: '{{message.via}}',
})

export const integrationOf = (trigger: Trigger, url: string, secret: string) => ({
  name: trigger === 'ticket-message-created' ? 'Deskhand' : 'Deskhand: failed messages',
  type: 'http',
  http: {
    url,
    method: 'POST',
    request_content_type: 'application/json',
    response_content_type: 'application/json',
    headers: { [secretHeader]: secret },
    form: formOf(trigger),
    triggers: { [trigger]: true },
  },
})
