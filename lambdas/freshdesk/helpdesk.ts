/** Freshdesk, whole. */
import type { FreshdeskConnection } from '../../schemas/freshdesk.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { check } from './check.ts'
import { inbound } from './inbound.ts'
import { moved } from './moved.ts'
import { finish, post } from './post.ts'
import { setup } from './setup.ts'
import { readTicket } from './ticket.ts'

export const freshdesk: Helpdesk<FreshdeskConnection> = {
  ...inbound,
  /** Freshdesk tells nothing of SPF, DKIM or DMARC: a CC by mail is only kept out where CCs are off. */
  sideDoorsClosed: ({ ccsOff, noSharedViews }) => ccsOff && noSharedViews,
  read: readTicket,
  post,
  finish,
  moved,
  check,
  setup,
}
