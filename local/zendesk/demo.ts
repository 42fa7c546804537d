/** The demo tenant's Zendesk. None of these values is a secret of anything real. */
import type * as z from 'zod'
import type { zendeskConnection } from '../../schemas/zendesk.ts'
import { demoPeople } from '../people.ts'
import type { DemoHelpdesk } from '../stand-in.ts'
import { startZendesk } from './stand-in.ts'

export const demoZendesk = {
  accountId: 22129848,
  subdomain: 'nordlicht-outdoor',
  brandId: 8447346621310,
  supportAddress: 'support@nordlicht.example',
  webhookId: '01JD0M5T4ND1NW3BH00K000000',
  webhookSecret: 'demo-zendesk-webhook-signing-secret',
  clientId: 'deskhand',
  clientSecret: 'demo-zendesk-client-secret',
  botEmail: 'deskhand@nordlicht.example',
  apiToken: 'demo-zendesk-api-token',
  botUserId: 900000000001,
  agentUserId: 900000000002,
  handOverGroupId: 8447320466430,
  users: [
    {
      id: 900000000001,
      name: 'Nora from Nordlicht',
      email: 'deskhand@nordlicht.example',
      role: 'agent' as const,
    },
    { id: 900000000002, name: 'Petra Lind', email: 'petra@nordlicht.example', role: 'agent' as const },
    { id: 8447388090777, name: demoPeople.zoe.name, email: demoPeople.zoe.address },
    { id: 8447388090778, name: demoPeople.ben.name, email: demoPeople.ben.address },
    { id: 8447388090779, name: demoPeople.kim.name, email: demoPeople.kim.address },
  ],
}

/** Who can write in the demo, as users of the account. */
export const demoCustomers = { zoe: 8447388090777, ben: 8447388090778, kim: 8447388090779 }

export const demoConnectionId = 'nordlicht.demoConnection000000AA'

export const demoConnection = (url: string): z.input<typeof zendeskConnection> => ({
  id: demoConnectionId,
  helpdesk: 'zendesk',
  mode: 'reply',
  inbound: [{ secret: 'zendesk-webhook' }],
  attestations: { senderAuthentication: true, ccsOff: true, noSharedViews: true },
  subdomain: demoZendesk.subdomain,
  accountId: String(demoZendesk.accountId),
  botUserId: String(demoZendesk.botUserId),
  auth: { type: 'oauth_client_credentials', clientId: demoZendesk.clientId, secret: 'zendesk-client' },
  handOver: { groupId: String(demoZendesk.handOverGroupId) },
  baseUrl: url,
})

export const demoWebhookSecret = demoZendesk.webhookSecret

export const zendeskDemo = {
  name: 'zendesk',
  title: 'Zendesk',
  connectionId: demoConnectionId,
  start: startZendesk,
  connection: demoConnection,
  approvers: [String(demoZendesk.agentUserId)],
  webhookSecret: demoZendesk.webhookSecret,
  secrets: (url) => ({
    inbound: { 'zendesk-webhook': { value: demoZendesk.webhookSecret } },
    outbound: { 'zendesk-client': { value: demoZendesk.clientSecret, hosts: [new URL(url).host] } },
  }),
} satisfies DemoHelpdesk
