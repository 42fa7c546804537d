/** Calls to a table that run at the same time. */
const atOnce = 10

/** Does `each` for all of them, a few at a time; every one that began is waited for, also when another fails. */
export async function together<T>(all: readonly T[], each: (one: T) => Promise<unknown>): Promise<void> {
  for (let next = 0; next < all.length; next += atOnce) {
    const results = await Promise.allSettled(all.slice(next, next + atOnce).map(each))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}
