/** The one registry of helpdesks, for what works with all of them. */
import type { HelpdeskName } from '../schemas/names.ts'
import type { Helpdesk } from './core/helpdesk.ts'
import { freshdesk } from './freshdesk/helpdesk.ts'
import { zendesk } from './zendesk/helpdesk.ts'

export const helpdesks = { zendesk, freshdesk } satisfies Record<HelpdeskName, Helpdesk>
