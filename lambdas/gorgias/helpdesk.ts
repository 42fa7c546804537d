/** Gorgias, whole. */
import type { GorgiasConnection } from '../../schemas/gorgias.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { check } from './check.ts'
import { inbound } from './inbound.ts'
import { moved } from './moved.ts'
import { finish, post } from './post.ts'
import { setup } from './setup.ts'
import { readTicket } from './ticket.ts'

export const gorgias: Helpdesk<GorgiasConnection> = {
  ...inbound,
  /** Nothing that Gorgias shows tells a forged sender, so that attestation of other helpdesks counts for nothing. */
  sideDoorsClosed: ({ ccsOff, noSharedViews }) => ccsOff && noSharedViews,
  /** A message is sent after it was created, and may fail then. */
  sendsWithinMs: 30_000,
  read: readTicket,
  post,
  finish,
  moved,
  check,
  setup,
}
