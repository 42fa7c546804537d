import type { SeenMessage, SeenTicket } from '../stand-in.ts'
import type { Account, Message, Ticket } from './account.ts'
import { demoGorgias } from './demo-account.ts'

/** A ticket as a person would see it in Gorgias. */
export const seenTicket = ({ messages }: Account, ticket: Ticket): SeenTicket => ({
  id: String(ticket.id),
  subject: ticket.subject,
  status: ticket.status,
  assignee: ticket.assignee_user?.name ?? ticket.assignee_team?.name,
  tags: ticket.tags.map(({ name }) => name),
  messages: messages.filter(({ ticket_id }) => ticket_id === ticket.id).map(seenMessage),
})

function seenMessage(message: Message): SeenMessage {
  const by = writerOf(message)
  return {
    id: String(message.id),
    at: Date.parse(`${message.created_datetime}Z`),
    by,
    name: message.sender?.name ?? '',
    public: message.public,
    text: message.body_text,
    ...(by === 'us' && message.public && message.source !== null
      ? {
          to: [...message.source.to, ...message.source.cc, ...message.source.bcc].map(
            ({ address }) => address,
          ),
        }
      : {}),
  }
}

function writerOf({ from_agent, sender }: Message): SeenMessage['by'] {
  if (!from_agent) return 'customer'
  if (sender === null) return 'system'
  return sender.id === demoGorgias.bot.id ? 'us' : 'agent'
}
