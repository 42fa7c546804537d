import type { AdminRuntime } from '../../core/aws/admin-runtime.ts'
import type { AdminResponse } from '../create-admin.ts'
import { requestIdOf } from './answer-problems.ts'

/** One line for each call: which, how it ended, how long it took. Not who: that is in the audit. */
export const logged = ({ log, clock }: Pick<AdminRuntime, 'log' | 'clock'>) => {
  const begun = new WeakMap<object, number>()
  const line = (event: unknown, status: number) => {
    const started = begun.get(event as object) ?? clock.now()
    log.info('admin_call', {
      requestId: requestIdOf(event),
      status,
      ms: clock.now() - started,
      ...tenantOf(event),
    })
  }
  return {
    before: ({ event }: { event: unknown }) => {
      if (typeof event === 'object' && event !== null) begun.set(event, clock.now())
    },
    after: ({ event, response }: { event: unknown; response: AdminResponse }) =>
      line(event, response.statusCode),
    onError: ({ event, response }: { event: unknown; response: AdminResponse | undefined }) =>
      line(event, response?.statusCode ?? 500),
  }
}

/** As the path has it: the log withholds what is no id. */
function tenantOf(event: unknown): { tenant?: string } {
  const path = (event as { requestContext?: { http?: { path?: unknown } } })?.requestContext?.http?.path
  const tenant = typeof path === 'string' ? /\/tenants\/([^/]+)/.exec(path)?.[1] : undefined
  return tenant === undefined ? {} : { tenant }
}
