/** Intercom, whole. */
import type { IntercomConnection } from '../../schemas/intercom.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { check } from './check.ts'
import { inbound } from './inbound.ts'
import { moved } from './moved.ts'
import { finish, post } from './post.ts'
import { setup } from './setup.ts'
import { readTicket } from './ticket.ts'

export const intercom: Helpdesk<IntercomConnection> = {
  ...inbound,
  /** Not confirmed that everyone in CC is among a conversation's contacts, so CCs have to be off. */
  sideDoorsClosed: ({ ccsOff, noSharedViews }) => ccsOff && noSharedViews,
  read: readTicket,
  post,
  finish,
  moved,
  check,
  setup,
}
