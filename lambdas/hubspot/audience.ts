/** Who besides the team receives an answer or can read the thread. HubSpot has no list of them: messages name them. */
import type { HubspotConnection } from '../../schemas/hubspot.ts'
import type { HubspotEntry } from '../../schemas/hubspot-api.ts'
import type { Requester } from './evidence.ts'
import { addressesOf, isPublic, readersOf } from './parties.ts'

/** What happens in a thread without anybody being told. */
const events = ['COMMENT', 'WELCOME_MESSAGE', 'ASSIGNMENT', 'THREAD_STATUS_CHANGE', 'THREAD_INBOX_CHANGE']

/**
 * Everyone who ever sent or received a public message here: copied, blind-copied, an earlier requester, another address
 * of the same person. `unknown` where older messages were not read, a message does not say whom it reached, no contact
 * is on file, or an entry is of a kind that may have reached somebody.
 */
export function audienceOf(
  entries: HubspotEntry[],
  complete: boolean,
  requester: Requester,
  connection: HubspotConnection,
): string[] | 'unknown' {
  if (!complete || requester.address === undefined) return 'unknown'
  if (entries.some((entry) => !isPublic(entry) && !isQuiet(entry))) return 'unknown'
  const messages = entries.filter(isPublic)
  // In a chat, the requester's own window is no second reader. Where the thread went on by mail it is one: whoever typed
  // somebody else's address into a chat sits before that window.
  const window = messages.some(isMailed) ? undefined : requester.id
  const readers: string[] = []
  for (const entry of messages) {
    const named = readersOf(entry, connection, window)
    if (named === 'unknown') return 'unknown'
    readers.push(...named)
  }
  return [...new Set([requester.address.toLowerCase(), ...readers])]
}

/** An entry of an unknown kind is quiet only if it names nobody outside. */
const isQuiet = ({ type, senders = [], recipients }: HubspotEntry): boolean => {
  if (type === undefined || /merge/i.test(type)) return false
  if (events.includes(type)) return true
  return recipients?.length === 0 && senders.every(({ actorId }) => /^[ABILS]-/.test(actorId ?? ''))
}

const isMailed = ({ senders = [], recipients = [] }: HubspotEntry): boolean =>
  [...senders, ...recipients].some((party) => addressesOf(party).length > 0)
