/** The demo tenant's Gorgias, as its admin connected it. */
import type * as z from 'zod'
import type { gorgiasConnection } from '../../schemas/gorgias.ts'
import type { DemoHelpdesk } from '../stand-in.ts'
import { demoGorgias } from './demo-account.ts'
import { startGorgias } from './stand-in.ts'

const connection = (url: string): z.input<typeof gorgiasConnection> => ({
  id: demoGorgias.connectionId,
  helpdesk: 'gorgias',
  mode: 'reply',
  inbound: [{ secret: 'gorgias-webhook' }],
  attestations: { senderAuthentication: true, ccsOff: true, noSharedViews: true },
  subdomain: demoGorgias.subdomain,
  botUserId: String(demoGorgias.bot.id),
  supportAddresses: [demoGorgias.supportAddress],
  auth: { type: 'api_key', email: demoGorgias.bot.email, secret: 'gorgias-api-key' },
  handOver: { teamId: String(demoGorgias.team.id) },
  baseUrl: url,
})

export const gorgiasDemo = {
  name: 'gorgias',
  title: 'Gorgias',
  connectionId: demoGorgias.connectionId,
  start: startGorgias,
  connection,
  webhookSecret: demoGorgias.webhookSecret,
  secrets: (url) => ({
    inbound: { 'gorgias-webhook': { value: demoGorgias.webhookSecret } },
    outbound: { 'gorgias-api-key': { value: demoGorgias.apiKey, hosts: [new URL(url).host] } },
  }),
} satisfies DemoHelpdesk
