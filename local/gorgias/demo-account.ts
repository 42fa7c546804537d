/** The demo tenant's Gorgias account. None of these values is a secret of anything real. */
import { demoPeople } from '../people.ts'

export const demoGorgias = {
  connectionId: 'nordlicht.demoGorgias000000000AA',
  subdomain: 'nordlicht-outdoor',
  supportAddress: 'support@nordlicht.example',
  emailIntegrationId: 5,
  httpIntegrationId: 17,
  webhookSecret: 'demo-gorgias-header-secret-000000',
  apiKey: 'demo-gorgias-api-key',
  accessToken: 'demo-gorgias-access-token',
  bot: { id: 93, name: 'Nora from Nordlicht', email: 'deskhand@nordlicht.example' },
  agent: { id: 12, name: 'Petra Lind', email: 'petra@nordlicht.example' },
  team: { id: 4, name: 'Humans' },
  customers: [
    { id: 8_000_001, name: demoPeople.zoe.name, email: demoPeople.zoe.address },
    { id: 8_000_002, name: demoPeople.ben.name, email: demoPeople.ben.address },
    { id: 8_000_003, name: demoPeople.kim.name, email: demoPeople.kim.address },
  ],
}
