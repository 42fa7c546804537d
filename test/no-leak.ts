import { demoShopToken, shopCustomers } from '../local/demo-data.ts'
import { demoWebhookSecret, demoZendesk } from '../local/zendesk/demo.ts'

/** Secrets, addresses and a customer's data that the suite plants everywhere. */
const planted = [
  demoWebhookSecret,
  demoShopToken,
  demoZendesk.clientSecret,
  demoZendesk.apiToken,
  'test-key',
  'signing-secret-of-this-connection',
  ...demoZendesk.users.flatMap(({ email, name }) => [email, name]),
  ...shopCustomers.map(({ address }) => address),
]

/** Everything that was logged in a test file, looked through at its end. Throws when a planted value is in it. */
export function assertNothingLeaked(lines: readonly unknown[]): void {
  for (const line of lines) {
    const text = JSON.stringify(line)
    const leaked = planted.find((value) => text.includes(value))
    if (leaked !== undefined) throw new Error(`a log line holds ${leaked}: ${text}`)
  }
}
