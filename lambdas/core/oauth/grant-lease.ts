/**
 * One process at a time refreshes a delegated authorization: where a server rotates refresh tokens, two at once would
 * use one token twice, and the server would take both for stolen.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isCode } from '../errors.ts'
import type { Clock, Key, Table } from '../ports.ts'

/** Longer than a token request, the storing of its result and their retries take together. */
export const grantLeaseMs = 60_000
const waitMs = 200
const longestWaits = 40

export interface GrantLease {
  /** Is it still ours? Then for its whole time from now on. */
  keep(): Promise<boolean>
  release(): Promise<void>
}

export interface GrantLeaseOptions {
  table: Pick<Table, 'update'>
  clock: Clock
  tenant: string
  /** Name of the authorization. */
  name: string
  /** Names this refresh, and no other of any process. */
  holder: string
}

/** Takes the lease, waiting up to 8 s for who holds it; `undefined` when that is not enough. */
export async function takeGrantLease(options: GrantLeaseOptions): Promise<GrantLease | undefined> {
  for (let waits = 0; ; waits++) {
    if (await take(options)) return leaseOf(options)
    if (waits >= longestWaits) return undefined
    await sleep(waitMs)
  }
}

const keyOf = ({ tenant, name }: GrantLeaseOptions): Key => ({ pk: `T#${tenant}#grant#${name}`, sk: 'lease' })

const take = ({ table, clock, holder, ...rest }: GrantLeaseOptions): Promise<boolean> =>
  held(() =>
    table.update('take_grant', keyOf({ table, clock, holder, ...rest }), {
      update: 'SET holder = :me, heldUntil = :until',
      // Our own: the SDK sends again when an answer is lost.
      condition: 'attribute_not_exists(heldUntil) OR heldUntil <= :now OR holder = :me',
      values: { ':me': holder, ':now': clock.now(), ':until': clock.now() + grantLeaseMs },
    }),
  )

const leaseOf = (options: GrantLeaseOptions): GrantLease => ({
  keep: () =>
    held(() =>
      options.table.update('keep_grant', keyOf(options), {
        update: 'SET heldUntil = :until',
        condition: 'holder = :me AND heldUntil > :now',
        values: {
          ':me': options.holder,
          ':now': options.clock.now(),
          ':until': options.clock.now() + grantLeaseMs,
        },
      }),
    ),
  release: async () => {
    await held(() =>
      options.table.update('release_grant', keyOf(options), {
        update: 'REMOVE holder, heldUntil',
        condition: 'holder = :me',
        values: { ':me': options.holder },
      }),
    )
  },
})

async function held(update: () => Promise<unknown>): Promise<boolean> {
  try {
    await update()
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}
