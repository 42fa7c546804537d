/** Makes the HTTP integrations of a connection, or finds them. https://developers.gorgias.com/reference/integrations */
import { createdAnswer, type GorgiasIntegration, integrationsAnswer } from '../../schemas/gorgias-api.ts'
import { DeskhandError } from '../core/errors.ts'
import type { Installed } from '../core/helpdesk.ts'
import { type Api, client } from './api.ts'
import { integrationOf, type Trigger, triggers } from './integration.ts'
import { pages } from './pages.ts'

const path = '/api/integrations'

/** Throws DeskhandError; `refused` where Gorgias switched one off that calls the URL. */
export async function install(
  api: Api,
  { url, newSecret }: { url: string; newSecret(): Promise<string> },
): Promise<Installed> {
  const there = (await pages(api, `${path}?type=http`, integrationsAnswer)).filter(
    ({ http }) => http?.url === url,
  )
  const off = there.find(({ deactivated_datetime }) => deactivated_datetime !== undefined)
  if (off !== undefined)
    throw new DeskhandError(
      'refused',
      `The HTTP integration ${off.id} calls this URL and is switched off: activate it in Settings`,
    )
  const missing = triggers.filter((trigger) => !there.some((one) => firesOn(one, trigger)))
  if (missing.length === 0) return { outcome: 'found', ids: there.map(({ id }) => id) }

  const secret = await newSecret()
  // The secret of one that is there cannot be relied on to be told: it gets the new one, like those that are missing.
  for (const one of there) {
    const trigger = triggers.find((each) => firesOn(one, each))
    if (trigger !== undefined)
      await client.write(
        api,
        'PUT',
        `${path}/${encodeURIComponent(one.id)}`,
        integrationOf(trigger, url, secret),
        createdAnswer,
      )
  }
  const ids = there.map(({ id }) => id)
  for (const trigger of missing) {
    const { id } = await client.write(api, 'POST', path, integrationOf(trigger, url, secret), createdAnswer)
    ids.push(id)
  }
  return { outcome: 'created', ids }
}

const firesOn = ({ http }: GorgiasIntegration, trigger: Trigger): boolean =>
  http?.triggers?.[trigger] === true
