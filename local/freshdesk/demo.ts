/** Freshdesk as the demo tenant has it. */
import type * as z from 'zod'
import type { freshdeskConnection } from '../../schemas/freshdesk.ts'
import type { DemoHelpdesk } from '../stand-in.ts'
import { demoFreshdesk } from './demo-account.ts'
import { startFreshdesk } from './stand-in.ts'

const connectionId = 'nordlicht.demoFreshdesk0000000AA'

const demoConnection = (url: string): z.input<typeof freshdeskConnection> => ({
  id: connectionId,
  helpdesk: 'freshdesk',
  mode: 'reply',
  inbound: [{ secret: 'freshdesk-webhook' }],
  attestations: { senderAuthentication: true, ccsOff: true, noSharedViews: true },
  domain: demoFreshdesk.domain,
  botUserId: String(demoFreshdesk.botUserId),
  apiKey: 'freshdesk-api-key',
  supportAddresses: [demoFreshdesk.supportAddress],
  handOver: { groupId: String(demoFreshdesk.handOverGroupId) },
  baseUrl: url,
})

export const freshdeskDemo = {
  name: 'freshdesk',
  title: 'Freshdesk',
  connectionId,
  start: startFreshdesk,
  connection: demoConnection,
  webhookSecret: demoFreshdesk.webhookSecret,
  secrets: (url) => ({
    inbound: { 'freshdesk-webhook': { value: demoFreshdesk.webhookSecret } },
    outbound: { 'freshdesk-api-key': { value: demoFreshdesk.apiKey, hosts: [new URL(url).host] } },
  }),
} satisfies DemoHelpdesk
