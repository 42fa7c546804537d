/** HubSpot, whole. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { check } from './check.ts'
import { inbound } from './inbound.ts'
import { moved } from './moved.ts'
import { finish, post } from './post.ts'
import { readTicket } from './read.ts'
import { setup } from './setup.ts'

export const hubspot: Helpdesk<HubspotConnection> = {
  ...inbound,
  /** HubSpot tells nothing about a sender's authentication, so only what keeps others from reading along counts. */
  sideDoorsClosed: ({ ccsOff, noSharedViews }) => ccsOff && noSharedViews,
  /** A mail leaves after the API has taken it; how long after is not documented. */
  sendsWithinMs: 2 * 60_000,
  read: readTicket,
  post,
  finish,
  moved,
  check,
  setup,
}
