import type { HelpdeskName } from '../schemas/names.ts'
import { freshdeskDemo } from './freshdesk/demo.ts'
import { gorgiasDemo } from './gorgias/demo.ts'
import { hubspotDemo } from './hubspot/demo.ts'
import { intercomDemo } from './intercom/demo.ts'
import type { DemoHelpdesk } from './stand-in.ts'
import { zendeskDemo } from './zendesk/demo.ts'

/** The demo tenant's helpdesks: one of each. */
export const demoHelpdesks = {
  zendesk: zendeskDemo,
  intercom: intercomDemo,
  gorgias: gorgiasDemo,
  hubspot: hubspotDemo,
  freshdesk: freshdeskDemo,
} satisfies Record<HelpdeskName, DemoHelpdesk>
