/** The one registry of helpdesks, for what works with all of them. */
import type { HelpdeskName } from '../schemas/names.ts'
import type { Helpdesk } from './core/helpdesk.ts'
import { freshdesk } from './freshdesk/helpdesk.ts'
import { gorgias } from './gorgias/helpdesk.ts'
import { hubspot } from './hubspot/helpdesk.ts'
import { intercom } from './intercom/helpdesk.ts'
import { zendesk } from './zendesk/helpdesk.ts'

export const helpdesks = { zendesk, intercom, gorgias, hubspot, freshdesk } satisfies Record<
  HelpdeskName,
  Helpdesk
>
