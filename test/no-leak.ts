import { demoShopToken, shopCustomers } from '../local/demo-data.ts'
import { demoHelpdesks } from '../local/demo-helpdesks.ts'
import { demoPeople } from '../local/people.ts'
import type { DemoHelpdesk } from '../local/stand-in.ts'
import { demoZendesk } from '../local/zendesk/demo.ts'

const secretsOf = ({ secrets }: DemoHelpdesk): string[] => {
  const { inbound, outbound } = secrets('http://127.0.0.1')
  return [...Object.values(inbound), ...Object.values(outbound)].map(({ value }) => value)
}

/** Secrets, addresses and a customer's data that the suite plants everywhere. */
const planted = [
  ...Object.values<DemoHelpdesk>(demoHelpdesks).flatMap(secretsOf),
  demoShopToken,
  demoZendesk.apiToken,
  'test-key',
  'signing-secret-of-this-connection',
  ...demoZendesk.users.flatMap(({ email, name }) => [email, name]),
  ...Object.values(demoPeople).flatMap(({ address, name }) => [address, name]),
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
