/** The REST API of the stand-in Freshdesk: what it answers to each call. https://developers.freshdesk.com/api/ */
import { htmlToText } from '../../lambdas/core/written-text.ts'
import { type Answered, type Asked, isObject, jsonObject } from '../serve.ts'
import { type Account, type Conversation, type Kept, paragraphs } from './account.ts'
import { demoFreshdesk } from './demo-account.ts'
import { createLimits } from './limits.ts'
import { listTickets, page } from './lists.ts'

export interface ApiOptions {
  account: Account
  now: () => number
  requestsPerMinute: number
  /** Not confirmed: does `cc_emails: []` keep the ticket's CCs on a reply? */
  emptyCcKeepsCcs: boolean
  /** Told of what was posted. */
  posted(kept: Kept, conversation: Conversation): void
}

export function createFreshdeskApi(options: ApiOptions) {
  const { account } = options
  const limit = createLimits(options.requestsPerMinute, options.now)
  const known = `Basic ${Buffer.from(`${demoFreshdesk.apiKey}:X`).toString('base64')}`
  let hidden = 0

  const route = (asked: Asked): Answered => {
    const [, , , resource = '', id = '', more = ''] = asked.url.pathname.split('/')
    const key = `${asked.method} ${resource}${id === '' ? '' : id === 'me' ? '/me' : '/:id'}${more && `/${more}`}`
    const kept = account.tickets.get(Number(id))
    switch (key) {
      case 'GET agents/me':
        return ok(agentJson(demoFreshdesk.botUserId))
      case 'GET groups/:id':
        return Number(id) === demoFreshdesk.handOverGroupId
          ? ok({ id: Number(id), name: 'Humans' })
          : notFound
      case 'GET contacts':
        return page([...account.contacts.values()], asked)
      case 'GET contacts/:id': {
        const contact = account.contacts.get(Number(id))
        return contact === undefined ? notFound : ok(contact)
      }
      case 'GET tickets':
        return listTickets(account, asked, options.now())
    }
    if (resource !== 'tickets' || kept === undefined) return notFound
    switch (key) {
      case 'GET tickets/:id':
        return ok({ ...kept.ticket, ...includes(kept, asked) })
      case 'GET tickets/:id/conversations':
        return conversations(kept, asked)
    }
    // A ticket in the bin or among spam takes no updates.
    if (kept.ticket.spam || kept.ticket.deleted) return { status: 405, headers: { allow: 'GET' } }
    switch (key) {
      case 'PUT tickets/:id':
        return update(kept, jsonObject(asked.body))
      case 'POST tickets/:id/reply':
        return reply(kept, jsonObject(asked.body))
      case 'POST tickets/:id/notes':
        return note(kept, jsonObject(asked.body))
      default:
        return notFound
    }
  }

  const includes = (kept: Kept, asked: Asked) => {
    const wanted = asked.url.searchParams.get('include')?.split(',') ?? []
    const { requester_id } = kept.ticket
    const contact = account.contacts.get(requester_id)
    return {
      ...(wanted.includes('requester') && contact !== undefined
        ? {
            requester: {
              id: contact.id,
              name: contact.name,
              email: contact.email,
              phone: null,
              mobile: null,
            },
          }
        : {}),
      ...(wanted.includes('stats') ? { stats: kept.stats } : {}),
    }
  }

  const conversations = (kept: Kept, asked: Asked): Answered => {
    const shown = hidden > 0 ? kept.conversations.slice(0, -1) : kept.conversations
    if (hidden > 0) hidden--
    return page(shown, asked)
  }

  const update = (kept: Kept, sent: Record<string, unknown>): Answered => {
    const wrong =
      unknownField(sent, ['status', 'tags', 'group_id', 'responder_id', 'priority']) ??
      (sent.tags !== undefined && !Array.isArray(sent.tags)
        ? invalid('tags', 'datatype_mismatch')
        : undefined)
    if (wrong) return wrong
    account.change(kept, sent)
    return ok(kept.ticket)
  }

  const reply = (kept: Kept, sent: Record<string, unknown>): Answered => {
    const fields = [
      'body',
      'structured_body',
      'user_id',
      'from_email',
      'cc_emails',
      'bcc_emails',
      'attachments',
    ]
    const wrong = unknownField(sent, fields) ?? wrongReply(kept, sent)
    if (wrong) return wrong
    const { ticket } = kept
    const chat = ticket.source === 7
    const given = Array.isArray(sent.cc_emails) ? sent.cc_emails.map(String) : undefined
    const keeps = given === undefined || (given.length === 0 && options.emptyCcKeepsCcs)
    const requester = account.contacts.get(ticket.requester_id)
    const conversation = account.write(kept, {
      body: chat ? paragraphs(chatText(sent.structured_body) ?? '') : String(sent.body),
      incoming: false,
      private: false,
      user_id: Number(sent.user_id ?? demoFreshdesk.botUserId),
      from_email: chat ? null : String(sent.from_email ?? demoFreshdesk.supportAddress),
      to_emails: chat || requester === undefined ? [] : [requester.email],
      cc_emails: keeps ? ticket.cc_emails : given,
    })
    options.posted(kept, conversation)
    const { id, body, body_text, user_id, from_email, cc_emails, bcc_emails, to_emails } = conversation
    const told = { id, body, body_text, user_id, from_email, cc_emails, bcc_emails, ticket_id: ticket.id }
    const at = { created_at: conversation.created_at, updated_at: conversation.updated_at, attachments: [] }
    return { status: 201, json: { ...told, replied_to: to_emails, ...at } }
  }

  const note = (kept: Kept, sent: Record<string, unknown>): Answered => {
    const fields = ['body', 'private', 'user_id', 'incoming', 'notify_emails', 'attachments']
    const wrong = unknownField(sent, fields) ?? wrongText(sent.body)
    if (wrong) return wrong
    const conversation = account.write(kept, {
      body: String(sent.body),
      incoming: sent.incoming === true,
      private: sent.private !== false,
      user_id: Number(sent.user_id ?? demoFreshdesk.botUserId),
      source: 2,
    })
    options.posted(kept, conversation)
    return { status: 201, json: { ...conversation, notified_to: [] } }
  }

  return {
    answer(asked: Asked): Answered {
      // Whoever calls without a right key counts as well.
      const included = asked.url.searchParams.get('include')?.split(',').length ?? 0
      const { headers, refused } = limit(1 + included)
      const answered = refused ?? (asked.headers.authorization === known ? route(asked) : unauthorized)
      return typeof answered === 'string'
        ? answered
        : { ...answered, headers: { ...headers, ...answered.headers } }
    },
    hideNewest(reads: number) {
      hidden = reads
    },
  }
}

const ok = (json: unknown): Answered => ({ status: 200, json })
const notFound: Answered = { status: 404 }
const unauthorized: Answered = {
  status: 401,
  json: { code: 'invalid_credentials', message: 'You have to be logged in to perform this action.' },
}

/** https://developers.freshdesk.com/api/#error */
const invalid = (field: string, code: string): Answered => ({
  status: 400,
  json: { description: 'Validation failed', errors: [{ field, message: 'It is not valid', code }] },
})

function unknownField(sent: Record<string, unknown>, known: readonly string[]): Answered | undefined {
  const field = Object.keys(sent).find((name) => !known.includes(name))
  return field === undefined ? undefined : invalid(field, 'invalid_field')
}

const wrongText = (text: unknown): Answered | undefined =>
  typeof text === 'string' && htmlToText(text) !== '' ? undefined : invalid('body', 'missing_field')

/** A chat takes `structured_body`, anything else `body`; a mail leaves from an address of the company's. */
function wrongReply({ ticket }: Kept, sent: Record<string, unknown>): Answered | undefined {
  if (sent.user_id !== undefined && agentJson(Number(sent.user_id)) === undefined)
    return invalid('user_id', 'invalid_value')
  if (ticket.source === 7)
    return chatText(sent.structured_body) === undefined
      ? invalid('structured_body', 'missing_field')
      : undefined
  if (sent.from_email !== undefined && sent.from_email !== demoFreshdesk.supportAddress)
    return invalid('from_email', 'invalid_value')
  return wrongText(sent.body)
}

function chatText(structured: unknown): string | undefined {
  const [first] =
    isObject(structured) && Array.isArray(structured.body_contents) ? structured.body_contents : []
  return isObject(first) && isObject(first.data) && typeof first.data.content === 'string'
    ? first.data.content
    : undefined
}

function agentJson(id: number) {
  const agent = demoFreshdesk.agents.find((each) => each.id === id)
  return (
    agent && { id, type: 'support_agent', ticket_scope: 1, contact: { name: agent.name, email: agent.email } }
  )
}
