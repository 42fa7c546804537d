/** The demo tenant's HubSpot as its admin connected it. */
import type * as z from 'zod'
import type { hubspotConnection } from '../../schemas/hubspot.ts'
import type { DemoHelpdesk } from '../stand-in.ts'
import { demoHubspot } from './demo-account.ts'
import { startHubspot } from './stand-in.ts'

export const hubspotDemo = {
  name: 'hubspot',
  title: 'HubSpot',
  connectionId: 'nordlicht.demoHubspot000000000AA',
  start: startHubspot,
  connection: (url) =>
    ({
      id: 'nordlicht.demoHubspot000000000AA',
      helpdesk: 'hubspot',
      mode: 'reply',
      inbound: [{ secret: 'hubspot-webhook' }],
      attestations: { senderAuthentication: true, ccsOff: true, noSharedViews: true },
      portalId: String(demoHubspot.portalId),
      appId: String(demoHubspot.appId),
      botUserId: demoHubspot.botUserId,
      auth: { type: 'access_token', secret: 'hubspot-token' },
      ownAddresses: [demoHubspot.supportAddress],
      handOver: {
        actorId: `A-${demoHubspot.agentUserId}`,
        ticketProperty: { name: demoHubspot.statusProperty, value: demoHubspot.handedOver },
      },
      baseUrl: url,
    }) satisfies z.input<typeof hubspotConnection>,
  webhookSecret: demoHubspot.clientSecret,
  secrets: (url) => ({
    inbound: { 'hubspot-webhook': { value: demoHubspot.clientSecret } },
    outbound: { 'hubspot-token': { value: demoHubspot.accessToken, hosts: [new URL(url).host] } },
  }),
} satisfies DemoHelpdesk
