/** The demo: tickets go in at the front door, and what came of them is shown. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HelpdeskName } from '../schemas/names.ts'
import { demoMessage } from './demo-data.ts'
import { demoHelpdesks } from './demo-helpdesks.ts'
import type { Laptop } from './laptop.ts'
import type { Printer } from './print.ts'
import type { SeenMessage } from './stand-in.ts'

/** Longer than a turn may take. */
const patienceMs = 200_000

/**
 * Writes the demo ticket on each helpdesk, one after the other, waits for what the bot says in it and prints that. True
 * when a reply reached every customer; `signal` ends the waiting.
 */
export async function runDemo(
  laptop: Laptop,
  printer: Printer,
  helpdesks: readonly HelpdeskName[],
  signal: AbortSignal,
): Promise<boolean> {
  let replied = 0
  for (const helpdesk of helpdesks) {
    if (signal.aborted) return false
    if (await answersOne(laptop, printer, helpdesk, signal)) replied++
  }
  if (helpdesks.length > 1) printer.heading(`${replied} of ${helpdesks.length} tickets answered`)
  return replied === helpdesks.length
}

async function answersOne(
  laptop: Laptop,
  printer: Printer,
  helpdesk: HelpdeskName,
  signal: AbortSignal,
): Promise<boolean> {
  const { title } = demoHelpdesks[helpdesk]
  printer.heading(`A customer writes on ${title}`)
  const started = Date.now()
  const ticketId = laptop.write({ from: 'zoe', helpdesk, ...demoMessage })
  const said = await waitFor(laptop, helpdesk, ticketId, started + patienceMs, signal)
  if (signal.aborted) return false
  if (said === undefined) {
    printer.heading(`No reply within ${patienceMs / 1000} s`)
    return false
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  // The turn's last steps, and the webhook of the bot's own message, come before the summary.
  await laptop.settled(1000)
  printer.box(
    said.public
      ? `The reply in ${title} ticket ${ticketId}, after ${seconds} s`
      : `An internal note in ${title} ticket ${ticketId}`,
    said.text,
  )
  return said.public
}

async function waitFor(
  laptop: Laptop,
  helpdesk: HelpdeskName,
  ticketId: string,
  until: number,
  signal: AbortSignal,
): Promise<SeenMessage | undefined> {
  while (Date.now() < until && !signal.aborted) {
    const said = laptop.standIns[helpdesk].ticket(ticketId)?.messages.find(({ by }) => by === 'us')
    if (said) return said
    await sleep(20)
  }
  return undefined
}

/** Where to look and what to try, in commands that can be copied. */
export function printWhatNext(laptop: Laptop, printer: Printer, helpdesk: HelpdeskName): void {
  const curl = (message: object) =>
    `curl -s ${laptop.url}/demo/message -H 'content-type: application/json' -d '${JSON.stringify({ helpdesk, ...message })}'`
  printer.heading('Where to look next')
  printer.rows([
    ['tickets', laptop.standIns[helpdesk].url],
    ['webhooks', laptop.webhookUrl(helpdesk)],
    ['another customer', curl({ from: 'ben', text: 'When will order 2077 arrive?' })],
    ['someone else’s order', curl({ from: 'ben', text: 'Where is order 1042?' })],
    ['a stranger', curl({ from: 'kim', text: 'Where is order 1042?' })],
  ])
}
