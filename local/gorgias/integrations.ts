/** The HTTP integrations of the account, as its API makes and shows them. https://developers.gorgias.com/reference/integrations */
import { keptList } from '../kept-list.ts'
import { isObject } from '../serve.ts'
import type { Delivery } from '../stand-in.ts'
import { stampOf } from './account.ts'
import { failuresUntilOff, type Trigger } from './webhooks.ts'

export interface HttpIntegration {
  id: number
  name: string
  type: 'http'
  deactivated_datetime: string | null
  http: {
    url: string
    method: string
    headers?: Readonly<Record<string, string>>
    form: Readonly<Record<string, string>>
    triggers: Record<string, boolean>
  }
}

export interface Integrations {
  all(): HttpIntegration[]
  /** Those besides the one that the account began with that are to hear of this. */
  calledOn(trigger: Trigger): HttpIntegration[]
  /** Answers what was made, or what is wrong with what was sent. */
  create(sent: Record<string, unknown>): HttpIntegration | { wrong: object }
  /** Changes the members that were sent. */
  update(id: number, sent: Record<string, unknown>): HttpIntegration | { wrong: object } | undefined
  /** Switches one off after too many failures in a row. */
  count(integration: HttpIntegration, delivery: Delivery): void
  /** It begins to count anew. */
  forgive(integration: HttpIntegration): void
}

/** `first` is the one that the account began with. */
export function createIntegrations(about: {
  first: HttpIntegration
  file: string | undefined
  now: () => number
}): Integrations {
  const { first, now } = about
  const { items, save } = keptList<HttpIntegration>(about.file)
  const failuresInARow = new WeakMap<HttpIntegration, number>()
  const all = () => [first, ...items]

  return {
    all,
    calledOn: (trigger) =>
      items.filter((one) => one.deactivated_datetime === null && one.http.triggers[trigger] === true),
    create(sent) {
      const http = httpIn(sent.http)
      if (typeof sent.name !== 'string' || sent.type !== 'http' || 'wrong' in http)
        return 'wrong' in http ? http : { wrong: { name: ['Missing data for required field.'] } }
      const id = Math.max(...all().map((one) => one.id)) + 1
      const made: HttpIntegration = { id, name: sent.name, type: 'http', deactivated_datetime: null, http }
      items.push(made)
      save()
      return made
    },
    update(id, sent) {
      const found = all().find((one) => one.id === id)
      if (found === undefined) return undefined
      const http = sent.http === undefined ? found.http : httpIn(sent.http)
      if ('wrong' in http) return http
      found.http = http
      if (typeof sent.name === 'string') found.name = sent.name
      if (sent.deactivated_datetime === null) found.deactivated_datetime = null
      save()
      return found
    },
    count(integration, { statuses }) {
      const status = statuses.at(-1) ?? 0
      const failures = status >= 200 && status < 300 ? 0 : (failuresInARow.get(integration) ?? 0) + 1
      failuresInARow.set(integration, failures)
      if (failures >= failuresUntilOff) integration.deactivated_datetime = stampOf(now())
    },
    forgive(integration) {
      failuresInARow.delete(integration)
    },
  }
}

function httpIn(sent: unknown): HttpIntegration['http'] | { wrong: object } {
  if (!isObject(sent)) return { wrong: { http: ['Missing data for required field.'] } }
  const { url, method, headers, form, triggers } = sent
  if (typeof url !== 'string' || !URL.canParse(url)) return { wrong: { url: ['Not a valid URL.'] } }
  if (method !== 'POST') return { wrong: { method: ['Not a valid choice.'] } }
  if (!isObject(triggers) || !isObject(form))
    return { wrong: { triggers: ['Missing data for required field.'] } }
  return {
    url,
    method,
    headers: isObject(headers) ? texts(headers) : {},
    form: texts(form),
    triggers: Object.fromEntries(Object.entries(triggers).map(([name, on]) => [name, on === true])),
  }
}

const texts = (object: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, String(value)]))
