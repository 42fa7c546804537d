import type { HelpdeskName } from '../schemas/names.ts'
import { hubspotDemo } from './hubspot/demo.ts'
import type { DemoHelpdesk } from './stand-in.ts'
import { zendeskDemo } from './zendesk/demo.ts'

/** The demo tenant's helpdesks: one of each. */
export const demoHelpdesks = { zendesk: zendeskDemo, hubspot: hubspotDemo } satisfies Record<
  HelpdeskName,
  DemoHelpdesk
>
