/** Zendesk, whole. */
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { check } from './check.ts'
import { inbound } from './inbound.ts'
import { moved } from './moved.ts'
import { finish, post } from './post.ts'
import { setup } from './setup.ts'
import { readTicket } from './ticket.ts'

export const zendesk: Helpdesk<ZendeskConnection> = {
  ...inbound,
  /** A CC by mail reads every later answer, unless CCs are off or forged senders are kept out. */
  sideDoorsClosed: ({ senderAuthentication, ccsOff, noSharedViews }) =>
    (senderAuthentication || ccsOff) && noSharedViews,
  read: readTicket,
  post,
  finish,
  moved,
  check,
  setup,
}
