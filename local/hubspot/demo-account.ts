/** The demo tenant's HubSpot account. None of these values is a secret of anything real. */
import { demoPeople } from '../people.ts'

export const demoHubspot = {
  portalId: 6251500,
  appId: 3344551,
  /** The app's client secret: it signs webhooks. */
  clientSecret: '3c5a9d70-demo-4b1e-9f42-hubspotsecret',
  accessToken: 'demo-eu1-hubspot-access-token',
  inboxId: '481939',
  emailChannelId: '1002',
  chatChannelId: '1000',
  emailAccountId: '424242',
  chatAccountId: '424243',
  supportAddress: 'support@nordlicht.example',
  botUserId: '7654321',
  agentUserId: '7654322',
  users: { '7654321': 'Nora from Nordlicht', '7654322': 'Petra Lind' } as Readonly<Record<string, string>>,
  contacts: [
    { id: 551, ...demoPeople.zoe },
    { id: 552, ...demoPeople.ben },
    { id: 553, ...demoPeople.kim },
  ],
  /** The property of tickets that says who has them. */
  statusProperty: 'ai_status',
  handedOver: 'ai-handed-over',
}
