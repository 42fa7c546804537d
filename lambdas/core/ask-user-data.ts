import { atLeast } from '../../schemas/names.ts'
import type { Message } from './helpdesk.ts'
import type { Identity } from './identify.ts'
import { effectId } from './ledger.ts'
import { needsAdmin, tenantSender } from './send-tool.ts'
import type { Work } from './turn.ts'
import { fetchUserData, type UserData } from './user-data.ts'

/** What `Deskhand-Identity` calls the User Data API: no tool of a tenant can have a hyphen in its name. */
export const userDataTool = 'user-data-api'

/** Once per turn, for a verified address only. */
export async function askUserData(
  work: Work,
  message: Message,
  identity: Identity,
): Promise<UserData | undefined> {
  const { agent, clock, lease, log, tenant, signal } = work
  const api = agent.userDataApi
  if (api === undefined || identity.address === undefined || !atLeast(identity.level, api.identity))
    return undefined
  const started = clock.now()
  const effect = await effectId(tenant.vault, lease.key.pk, 'user_data', message.id)
  const userData = await fetchUserData({
    api,
    authorizations: agent.authorizations,
    email: identity.address,
    ...tenantSender(work, { effect, tool: { name: userDataTool, effect: 'read' }, identity }),
    signal,
  })
  const fields = { code: userData.kind, ms: clock.now() - started }
  if (userData.kind === 'mismatch') log.alarm('user_data_mismatch', fields)
  else if (userData.kind === 'unavailable') {
    const why = { ...fields, cause: userData.cause }
    if (needsAdmin.has(userData.cause)) log.alarm('user_data_misconfigured', why)
    else log.warn('user_data', why)
  } else log.info('user_data', { ...fields, ...(userData.kind === 'data' ? { bytes: userData.bytes } : {}) })
  return userData
}
