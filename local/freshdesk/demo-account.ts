/** The demo tenant's Freshdesk account. None of these values is a secret of anything real. */
import { demoPeople } from '../people.ts'

export const demoFreshdesk = {
  domain: 'nordlicht-outdoor',
  supportAddress: 'support@nordlicht.example',
  webhookSecret: 'demo-freshdesk-webhook-secret',
  apiKey: 'demo-freshdesk-api-key',
  botUserId: 9001,
  agentUserId: 9002,
  handOverGroupId: 77,
  agents: [
    { id: 9001, name: 'Nora from Nordlicht', email: 'deskhand@nordlicht.example' },
    { id: 9002, name: 'Petra Lind', email: 'petra@nordlicht.example' },
  ],
  contacts: [
    { id: 129, person: demoPeople.zoe },
    { id: 130, person: demoPeople.ben },
    { id: 131, person: demoPeople.kim },
  ].map(({ id, person }) => ({
    id,
    name: person.name,
    email: person.address,
    active: true,
    other_emails: [] as string[],
  })),
}
