/** The demo tenant's Intercom, as its admin connected it. */
import type * as z from 'zod'
import type { intercomConnection } from '../../schemas/intercom.ts'
import type { DemoHelpdesk } from '../stand-in.ts'
import { startIntercom } from './stand-in.ts'
import { demoIntercom } from './workspace.ts'

export const demoIntercomConnectionId = 'nordlicht.demoIntercom00000000AA'

const connection = (url: string): z.input<typeof intercomConnection> => ({
  id: demoIntercomConnectionId,
  helpdesk: 'intercom',
  mode: 'reply',
  inbound: [{ secret: 'intercom-client-secret' }],
  attestations: { senderAuthentication: true, ccsOff: true, noSharedViews: true },
  region: 'eu',
  appId: demoIntercom.appId,
  adminId: '991234',
  auth: { secret: 'intercom-token' },
  handOver: { teamId: demoIntercom.teamId },
  messenger: { jwtEnforced: true, emailSigned: true, noAppWritesAsContacts: true },
  laterMailNamesReplyTo: true,
  baseUrl: url,
})

export const intercomDemo = {
  name: 'intercom',
  title: 'Intercom',
  connectionId: demoIntercomConnectionId,
  start: startIntercom,
  connection,
  webhookSecret: demoIntercom.clientSecret,
  secrets: (url) => ({
    inbound: { 'intercom-client-secret': { value: demoIntercom.clientSecret } },
    outbound: { 'intercom-token': { value: demoIntercom.accessToken, hosts: [new URL(url).host] } },
  }),
} satisfies DemoHelpdesk
