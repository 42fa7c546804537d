/** Text that a stranger may send: reading it takes no time that counts, however it is made. */
import { expect, test } from '@jest/globals'
import { withoutQuotes } from '../lambdas/core/written-text.ts'
import { bareAddress } from '../lambdas/freshdesk/addresses.ts'

test('a ticket full of mails that introduce quotation after quotation is read in a few seconds', () => {
  const mail = '1 wrote:\n\n\n>\n'.repeat(8000)
  const started = performance.now()
  for (let nth = 0; nth < 40; nth++) withoutQuotes(mail)
  expect(performance.now() - started).toBeLessThan(5000)
})

test('an address that never ends is no address, and found so at once', () => {
  const endless = `<${'@'.repeat(100_000)}`
  const started = performance.now()
  expect(bareAddress(endless)).toBe(endless)
  expect(performance.now() - started).toBeLessThan(1000)
  expect(bareAddress('"Zoë" <Zoe@Example.com>')).toBe('zoe@example.com')
})
