/** What people write, as Gorgias files it. */
import type { Person } from '../stand-in.ts'
import type { Contact, Entry, Party } from './account.ts'
import { demoGorgias } from './demo-account.ts'

const support: Contact = { address: demoGorgias.supportAddress, name: 'Support' }
const partyOf = ({ id, email, name }: Party): Party => ({ id, email, name })
const contactOf = ({ email, name }: Party): Contact => ({ address: email, name })

export function byMail(customer: Party, text: string, cc: readonly Person[] = []): Entry {
  return {
    channel: 'email',
    via: 'email',
    from_agent: false,
    public: true,
    integration_id: demoGorgias.emailIntegrationId,
    sender: partyOf(customer),
    source: {
      type: 'email',
      from: contactOf(customer),
      to: [support],
      cc: cc.map(({ address, name }) => ({ address, name })),
      bcc: [],
      extra: {},
    },
    headers: { 'Message-Id': `<${customer.id}@mail.example>` },
    text,
  }
}

/** Nobody is signed in to the widget: the address was typed there. */
export const byChat = (customer: Party, conversation: string, text: string): Entry => ({
  channel: 'chat',
  via: 'gorgias_chat',
  from_agent: false,
  public: true,
  sender: partyOf(customer),
  source: {
    type: 'chat',
    from: { address: conversation, name: customer.name },
    to: [{ address: 'app-1' }],
    cc: [],
    bcc: [],
    extra: {},
  },
  text,
})

export const byAgent = (customer: Party, text: string, shown: boolean): Entry => ({
  channel: shown ? 'email' : 'internal-note',
  via: 'helpdesk',
  from_agent: true,
  public: shown,
  sender: demoGorgias.agent,
  source: {
    type: shown ? 'email' : 'internal-note',
    from: shown ? support : contactOf(demoGorgias.agent),
    to: shown ? [contactOf(customer)] : [],
    cc: [],
    bcc: [],
    extra: {},
  },
  text,
})
