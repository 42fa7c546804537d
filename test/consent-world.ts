/** What the tests of consent share: a tenant whose refunds somebody has to consent to. */

import type { Script } from '../local/claude.ts'
import { refundTool } from '../local/demo-data.ts'
import { calls, results, says, shown } from './claude-scripts.ts'
import type { World } from './world.ts'

export const refund = (amount = 20, order_id = '1042'): [string, Record<string, unknown>] => [
  'refund_order',
  { order_id, amount },
]

/** Asks for the refund whenever the customer says "refund"; otherwise says what it read of earlier requests. */
export const eager: Script = (request) => {
  if (results(request).length > 0) return says(`I asked: ${results(request).join(' ').slice(0, 300)}`)
  const text = shown(request)
  const newest = text.slice(text.indexOf('<newest_message>'))
  return /refund/i.test(newest) ? calls(refund()) : says(`I see: ${doneBefore(text)}`)
}

const doneBefore = (text: string): string =>
  (/<done_on_this_ticket>(.*?)<\/done_on_this_ticket>/.exec(text)?.[1] ?? 'nothing').replaceAll('\\n', ' ')

/** Publishes the refund with these changes; by default the customer has to confirm it, at `mailbox`. */
export const publishRefund = (
  world: World,
  change: object = {},
  connection: object = {},
  more: Parameters<World['publish']>[0] = [],
): Promise<void> =>
  world.publish([
    { kind: 'connection', id: world.connectionId, definition: world.connection(connection) },
    {
      kind: 'tool',
      id: 'refund_order',
      definition: {
        ...refundTool(world.shop.url, 'key'),
        identity: 'mailbox',
        confirm: 'customer',
        ...change,
      },
    },
    ...more,
  ])

export const refundsSent = (world: World): number =>
  world.shop.requests.filter(({ path }) => path.endsWith('/refunds')).length

export const replies = (world: World, ticketId: string): string[] =>
  world.replies(ticketId).map((reply) => reply.plain_body)

/** The token in the newest reply. */
export function tokenIn(world: World, ticketId: string): string {
  const found = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(replies(world, ticketId).at(-1) ?? '')
  if (found === null) throw new Error(`no token in: ${replies(world, ticketId).at(-1)}`)
  return found[0]
}

/** The code in the newest mail. */
export function codeIn(world: World): string {
  const found = /\b\d{6}\b/.exec(world.aws.mails().at(-1)?.text ?? '')
  if (found === null) throw new Error('no code was mailed')
  return found[0]
}
