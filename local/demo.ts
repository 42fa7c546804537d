/** The demo: one ticket goes in at the front door, and what came of it is shown. */
import { setTimeout as sleep } from 'node:timers/promises'
import { demoMessage, demoZendesk } from './demo-data.ts'
import type { Laptop } from './laptop.ts'
import type { Printer } from './print.ts'
import type { Comment } from './zendesk-account.ts'

/** Longer than a turn may take. */
const patienceMs = 200_000

/**
 * Writes the demo ticket, waits for what the bot says in it and prints that. True when a reply reached the customer;
 * `signal` ends the waiting.
 */
export async function runDemo(laptop: Laptop, printer: Printer, signal: AbortSignal): Promise<boolean> {
  printer.heading('A customer writes')
  const started = Date.now()
  const ticketId = laptop.write({ from: 'zoe', ...demoMessage })
  const said = await waitFor(laptop, ticketId, started + patienceMs, signal)
  if (signal.aborted) return false
  if (said === undefined) {
    printer.heading(`No reply within ${patienceMs / 1000} s`)
    return false
  }
  // The turn's last steps, and the webhook of the bot's own comment, come before the summary.
  await laptop.settled(5000)
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  printer.box(
    said.public
      ? `The reply in ticket ${ticketId}, after ${seconds} s`
      : `An internal note in ticket ${ticketId}`,
    said.plain_body,
  )
  return said.public
}

async function waitFor(
  laptop: Laptop,
  ticketId: number,
  until: number,
  signal: AbortSignal,
): Promise<Comment | undefined> {
  while (Date.now() < until && !signal.aborted) {
    const comments = laptop.zendesk.account.conversations.get(ticketId)?.comments ?? []
    const said = comments.find((comment) => comment.author_id === demoZendesk.botUserId)
    if (said) return said
    await sleep(20)
  }
  return undefined
}

/** Where to look and what to try, in commands that can be copied. */
export function printWhatNext(laptop: Laptop, printer: Printer): void {
  const curl = (message: object) =>
    `curl -s ${laptop.url}/demo/message -H 'content-type: application/json' -d '${JSON.stringify(message)}'`
  printer.heading('Where to look next')
  printer.rows([
    ['tickets', laptop.zendesk.url],
    ['webhooks', laptop.webhookUrl],
    ['another customer', curl({ from: 'ben', text: 'When will order 2077 arrive?' })],
    ['someone else’s order', curl({ from: 'ben', text: 'Where is order 1042?' })],
    ['a stranger', curl({ from: 'kim', text: 'Where is order 1042?' })],
  ])
}
