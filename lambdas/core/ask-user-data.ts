import { atLeast } from '../../schemas/names.ts'
import type { Identity } from './identify.ts'
import type { Work } from './turn.ts'
import { fetchUserData, type UserData } from './user-data.ts'

/** Once per turn, for a verified address only. */
export async function askUserData(work: Work, identity: Identity): Promise<UserData | undefined> {
  const { agent, clock, log, tenant, signal } = work
  const api = agent.userDataApi
  if (api === undefined || identity.address === undefined || !atLeast(identity.level, api.identity))
    return undefined
  const started = clock.now()
  const userData = await fetchUserData({
    api,
    authorizations: agent.authorizations,
    email: identity.address,
    http: tenant.http,
    secrets: tenant.secrets,
    signal,
  })
  const fields = { code: userData.kind, ms: clock.now() - started }
  if (userData.kind === 'mismatch') log.alarm('user_data_mismatch', fields)
  else if (userData.kind === 'unavailable') log.warn('user_data', { ...fields, cause: userData.cause })
  else log.info('user_data', { ...fields, ...(userData.kind === 'data' ? { bytes: userData.bytes } : {}) })
  return userData
}
