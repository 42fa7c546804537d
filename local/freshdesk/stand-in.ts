/**
 * A stand-in Freshdesk: the part of the REST API and of the automation rules that an integration uses, as the vendor's
 * pages describe it. It also shows its tickets as pages. What the pages leave open is an option.
 */
import { createDeliveries } from '../deliver.ts'
import { serveStandIn } from '../serve-stand-in.ts'
import type { Opening, SeenTicket, StandIn, StandInOptions } from '../stand-in.ts'
import { type Account, type Conversation, createAccount, type Kept, paragraphs } from './account.ts'
import { createFreshdeskApi } from './api.ts'
import { demoFreshdesk } from './demo-account.ts'
import { growthPerMinute } from './limits.ts'
import { deadlineMs, type Event, retryFactors, ruleBody, ruleHeaders } from './rules.ts'

export interface FreshdeskOptions extends StandInOptions {
  requestsPerMinute?: number
  /** Not confirmed: does `cc_emails: []` keep the ticket's CCs on a reply? Default: it takes them off. */
  emptyCcKeepsCcs?: boolean
  /** The second rule is one for "agent or requester": it also fires for agents and for us. Default: requesters only. */
  rulesForEverybody?: boolean
}

export interface FreshdeskStandIn extends StandIn {
  account: Account
}

/** Starts on loopback with the demo account's people, key and no tickets. */
export async function startFreshdesk(options: FreshdeskOptions = {}): Promise<FreshdeskStandIn> {
  const now = options.now ?? Date.now
  const account = createAccount({ now, ...(options.file === undefined ? {} : { file: options.file }) })
  const sending = createDeliveries({
    headers: (_body, to) => ruleHeaders(to),
    retries: () => retryFactors.length,
    deadlineMs,
    retryDelayMs: options.retryDelayMs ?? 250,
    retryFactors,
  })

  const fire = ({ ticket }: Kept, event: Event) => {
    void sending.fire(String(ticket.id), () => ruleBody(ticket.id, event))
  }
  const written = (kept: Kept, conversation: Conversation): void => {
    if (conversation.incoming || options.rulesForEverybody) fire(kept, eventOf(conversation))
  }
  const api = createFreshdeskApi({
    account,
    now,
    requestsPerMinute: options.requestsPerMinute ?? (options.unlimited ? 1_000_000 : growthPerMinute),
    emptyCcKeepsCcs: options.emptyCcKeepsCcs ?? false,
    posted: written,
  })

  const served = await serveStandIn(options, {
    title: 'Freshdesk',
    isApi: ({ url: { pathname } }) => pathname.startsWith('/api/v2/'),
    answer: api.answer,
    standIn: () => standIn,
  })

  const keptOf = (ticketId: string): Kept => {
    const kept = account.tickets.get(Number(ticketId))
    if (kept === undefined) throw new Error(`the stand-in has no ticket ${ticketId}`)
    return kept
  }
  const change = (ticketId: string, to: Parameters<Account['change']>[1]) =>
    account.change(keptOf(ticketId), to)

  const standIn: FreshdeskStandIn = {
    helpdesk: 'freshdesk',
    url: served.url,
    account,
    requests: served.requests,
    deliveries: sending.deliveries,
    failNext: served.failNext,
    clearFaults: served.clearFaults,
    hideNewest: api.hideNewest,
    connect: sending.connect,
    webhookOf(ticketId, messageId, to) {
      const { ticket, conversations } = keptOf(ticketId)
      const one =
        messageId === undefined
          ? conversations.at(-1)
          : conversations.find(({ id }) => String(id) === messageId)
      const rawBody = ruleBody(ticket.id, one === undefined ? '{ticket_action:created}' : eventOf(one))
      return { rawBody, headers: ruleHeaders(to) }
    },

    opens(opening) {
      const kept = open(account, opening)
      fire(kept, '{ticket_action:created}')
      return String(kept.ticket.id)
    },
    writes(ticketId, by, text, more) {
      const kept = keptOf(ticketId)
      const hidden = more?.internal === true
      const conversation =
        by === 'agent'
          ? agentWrites(account, kept, text, hidden)
          : account.write(kept, {
              body: paragraphs(text),
              incoming: true,
              private: hidden,
              user_id: account.contactOf(by).id,
              ...(kept.ticket.source === 7
                ? {}
                : {
                    from_email: by.address,
                    to_emails: [demoFreshdesk.supportAddress],
                    support_email: demoFreshdesk.supportAddress,
                  }),
            })
      written(kept, conversation)
      return String(conversation.id)
    },
    addReader(ticketId, person) {
      const { email } = account.contactOf(person)
      change(ticketId, { cc_emails: [...keptOf(ticketId).ticket.cc_emails, email] })
    },
    changeRequester: (ticketId, person) => change(ticketId, { requester_id: account.contactOf(person).id }),
    assignToAgent: (ticketId) => change(ticketId, { responder_id: demoFreshdesk.agentUserId }),
    giveBack(ticketId) {
      const { tags } = keptOf(ticketId).ticket
      change(ticketId, { tags: tags.filter((tag) => tag !== 'ai-handed-over') })
    },
    closeTicket: (ticketId) => change(ticketId, { status: 5 }),
    ticket(ticketId) {
      const kept = account.tickets.get(Number(ticketId))
      return kept && seen(account, kept)
    },
    tickets: () => [...account.tickets.values()].toReversed().map((kept) => seen(account, kept)),

    redeliver: sending.redeliver,
    settled: sending.settled,
    async close() {
      await sending.close()
      await served.close()
    },
  }
  return standIn
}

function eventOf(conversation: Conversation): Event {
  if (conversation.private) return '{note_type:private}'
  return conversation.source === 2 ? '{note_type:public}' : '{reply_sent:sent}'
}

function open(
  account: Account,
  { from, text, subject = text.slice(0, 60), channel, cc = [] }: Opening,
): Kept {
  return account.open({
    requester_id: account.contactOf(from).id,
    subject,
    description: paragraphs(text),
    cc_emails: cc.map((person) => account.contactOf(person).email),
    ...(channel === 'chat' ? { source: 7 } : { source: 1, to_emails: [demoFreshdesk.supportAddress] }),
  })
}

/** A public reply goes to the requester and the ticket's CCs. */
function agentWrites(account: Account, kept: Kept, text: string, hidden: boolean): Conversation {
  const { requester_id, cc_emails } = kept.ticket
  const requester = account.contacts.get(requester_id)
  return account.write(kept, {
    body: paragraphs(text),
    incoming: false,
    private: hidden,
    user_id: demoFreshdesk.agentUserId,
    ...(hidden || requester === undefined ? {} : { to_emails: [requester.email], cc_emails }),
  })
}

const statuses: Record<number, string> = { 2: 'open', 3: 'pending', 4: 'resolved', 5: 'closed' }

function seen({ contacts }: Account, { ticket, conversations }: Kept): SeenTicket {
  const nameOf = (id: number): string =>
    (contacts.get(id) ?? demoFreshdesk.agents.find((agent) => agent.id === id))?.name ?? String(id)
  const by = ({ user_id, incoming }: Conversation) =>
    user_id === demoFreshdesk.botUserId ? 'us' : incoming ? 'customer' : 'agent'
  return {
    id: String(ticket.id),
    subject: ticket.subject,
    status: statuses[ticket.status] ?? String(ticket.status),
    assignee: ticket.responder_id === null ? undefined : nameOf(ticket.responder_id),
    tags: ticket.tags,
    messages: [
      {
        id: '0',
        at: Date.parse(ticket.created_at),
        by: 'customer',
        name: nameOf(ticket.requester_id),
        public: true,
        text: ticket.description_text,
      },
      ...conversations.map((each) => ({
        id: String(each.id),
        at: Date.parse(each.created_at),
        by: by(each),
        name: nameOf(each.user_id),
        public: !each.private,
        text: each.body_text,
        ...(by(each) === 'us' && !each.private ? { to: [...each.to_emails, ...each.cc_emails] } : {}),
      })),
    ] as SeenTicket['messages'],
  }
}
