/** A ticket that is in no helpdesk, and the evidence that makes its customer as sure as a case says. */
import { type Assurance, atLeast } from '../../../schemas/names.ts'
import {
  defaultChannel,
  type SimulatedChannel,
  type SimulatedCustomer,
  type SimulationInput,
} from '../../../schemas/simulation.ts'
import type { Evidence, Message, Ticket } from '../helpdesk.ts'
import { type Identity, identify } from '../identify.ts'

const minute = 60_000
export const madeUpTicketId = 'simulated'
export const madeUpMessageId = 'newest'
const customerId = 'customer'

/** The ticket as it stands when the message has just come in. */
export function madeUpTicket(
  {
    message,
    subject,
    customer,
    history,
  }: Pick<SimulationInput, 'message' | 'subject' | 'customer' | 'history'>,
  now: number,
): Ticket {
  const { email } = customer
  const channel = channelOf(customer)
  const before = history.map(({ from, text }, i): Message => {
    const at = now - (history.length - i) * minute
    return messageOf({ id: `earlier-${i}`, at, text, from, customer })
  })
  return {
    id: madeUpTicketId,
    subject,
    channel,
    status: 'open',
    requester: {
      id: customerId,
      ...(customer.name === undefined ? {} : { name: customer.name }),
      ...(email === undefined ? {} : { address: email }),
    },
    assignee: 'nobody',
    handedOver: false,
    inScope: true,
    audience: email === undefined ? [] : [email],
    stamp: '0',
    messages: [
      ...before,
      messageOf({ id: madeUpMessageId, at: now, text: message, from: 'customer', customer }),
    ],
    complete: true,
  }
}

function messageOf(of: {
  id: string
  at: number
  text: string
  from: 'customer' | 'agent' | 'human'
  customer: SimulatedCustomer
}): Message {
  const isCustomer = of.from === 'customer'
  const { name } = of.customer
  return {
    id: of.id,
    at: of.at,
    author: {
      id: isCustomer ? customerId : of.from,
      role: isCustomer ? 'customer' : 'team',
      ...(isCustomer && name !== undefined ? { name } : {}),
    },
    visibility: 'public',
    ours: of.from === 'agent',
    automatic: false,
    text: of.text,
    attachments: [],
    evidence: isCustomer ? evidenceOf(of.customer) : {},
  }
}

const channelOf = ({ channel, level }: SimulatedCustomer): SimulatedChannel =>
  channel ?? defaultChannel(level)

/** What a helpdesk would have to tell of the message. `confirmed` is proved by our own store and not by the helpdesk. */
function evidenceOf(customer: SimulatedCustomer): Evidence {
  const { email, level } = customer
  const channel = channelOf(customer)
  const address = email === undefined ? {} : { address: email }
  const from: Evidence = {
    channel,
    ...address,
    ...(channel === 'email' && email !== undefined ? { sender: email } : {}),
    authorIsRequester: true,
  }
  return proven.has(level) ? { ...from, ...proof } : from
}

const proven: ReadonlySet<Assurance> = new Set(['mailbox', 'signed_in'])
const proof: Evidence = {
  unflagged: true,
  replyNotDiverted: true,
  trusted: true,
  authorIsSubmitter: true,
  signedIn: true,
  addressProven: true,
}

/** Who a made-up customer is to the rules of identity: decided where it is decided for everybody. */
export function madeUpIdentity(customer: SimulatedCustomer): Identity {
  const about = { message: '-', subject: '', customer, history: [] }
  const ticket = madeUpTicket(about, 0)
  const message = ticket.messages[0] as Message
  const code = atLeast(customer.level, 'confirmed') ? customer.email?.toLowerCase() : undefined
  return identify(message, ticket, true, code)
}
