/** Who is said to ask when an admin tries something: nobody's ticket, and `mode: test`. */
import { randomBytes } from 'node:crypto'
import type { Identity } from '../../core/identify.ts'
import type { TenantRuntime } from '../../core/ports.ts'
import type { Sender } from '../../core/tools/send-authorized.ts'

/** What a try is made with. The definitions tried may be drafts: they are given, never read. */
export type TryRuntime = Pick<TenantRuntime, 'tenant' | 'secrets' | 'tokens' | 'signIdentity' | 'http'> & {
  /** ms since the epoch */
  now(): number
}

/** The ticket that a tried call names. */
export const tryTicket = 'test'
/** Instead of a secret, wherever one would be shown. */
export const hidden = '••••'

/** An id of no effect: no two tries are taken for the same. */
export const tryEffect = (): string => `test-${randomBytes(12).toString('hex')}`

/** The tenant's ways out. Whatever is sent by them says `test` in its identity. */
export const trySender = (
  runtime: TryRuntime,
  { effect, tool, identity }: { effect: string; tool: string; identity: Identity },
): Omit<Sender, 'authorization'> => ({
  http: runtime.http,
  secrets: runtime.secrets,
  tokens: runtime.tokens,
  identify: (request) =>
    runtime.signIdentity(
      {
        effect,
        fence: 0,
        ticket: tryTicket,
        tool,
        email: identity.address,
        assurance: identity.level,
        mode: 'test',
      },
      request,
    ),
})
