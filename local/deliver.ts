import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery, Webhook } from './stand-in.ts'

/** How a vendor delivers. */
export interface DeliveryRules<W extends Webhook> {
  /** The headers of one attempt, signed then. */
  headers(rawBody: string, webhook: W): Record<string, string>
  /** How many times this answer is tried again; `undefined`: the deadline passed. */
  retries(response: Response | undefined): number
  deadlineMs: number
  retryDelayMs: number
  /** How many such delays stand before the first, second, ... retry, where a vendor waits ever longer. Default: one. */
  retryFactors?: readonly number[]
}

/** Webhooks under way: fires in the background and waits for all of them. */
export function createDeliveries<W extends Webhook = Webhook>(rules: DeliveryRules<W>) {
  const underWay = new Set<Promise<void>>()
  const closing = new AbortController()

  async function deliver(webhook: W, delivery: Delivery): Promise<void> {
    for (;;) {
      const { status, retries } = await attempt(webhook, delivery.rawBody)
      delivery.statuses.push(status)
      if (closing.signal.aborted || delivery.statuses.length > retries) return
      const delays = rules.retryFactors?.[delivery.statuses.length - 1] ?? 1
      await sleep(rules.retryDelayMs * delays, undefined, { signal: closing.signal }).catch(() => undefined)
    }
  }

  async function attempt(webhook: W, rawBody: string): Promise<{ status: number; retries: number }> {
    const timeout = AbortSignal.timeout(rules.deadlineMs)
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        headers: rules.headers(rawBody, webhook),
        body: rawBody,
        redirect: 'manual',
        signal: AbortSignal.any([closing.signal, timeout]),
      })
      await response.arrayBuffer()
      return { status: response.status, retries: response.ok ? 0 : rules.retries(response) }
    } catch {
      return { status: 0, retries: timeout.aborted ? rules.retries(undefined) : 0 }
    }
  }

  let webhook: W | undefined
  const deliveries: Delivery[] = []
  /** Of those that went elsewhere than `webhook`. */
  const targets = new WeakMap<Delivery, W>()

  function send(to: W, delivery: Delivery): Promise<void> {
    const work = deliver(to, delivery).finally(() => underWay.delete(work))
    underWay.add(work)
    return work
  }

  return {
    /** Everything fired, oldest first. */
    deliveries,
    /** Where webhooks go that are not told another place. */
    connect(to: W): void {
      webhook = to
    },
    connected: (): W | undefined => webhook,
    /** Delivers in the background; nothing, and no body is made, before `connect`. Answers how it went, once over. */
    async fire(
      ticketId: string,
      rawBody: () => string,
      to: W | undefined = webhook,
    ): Promise<Delivery | undefined> {
      if (to === undefined) return undefined
      const delivery: Delivery = { ticketId, rawBody: rawBody(), statuses: [] }
      deliveries.push(delivery)
      if (to !== webhook) targets.set(delivery, to)
      await send(to, delivery)
      return delivery
    },
    /** To where it went, or where webhooks go by now. */
    async redeliver(delivery: Delivery | undefined = deliveries.at(-1)): Promise<number> {
      const to = (delivery && targets.get(delivery)) ?? webhook
      if (to === undefined || delivery === undefined) throw new Error('nothing was delivered yet')
      const again: Delivery = { ...delivery, statuses: [] }
      await send(to, again)
      return again.statuses.at(-1) ?? 0
    },
    async settled(): Promise<void> {
      while (underWay.size > 0) await Promise.all(underWay)
    },
    async close(): Promise<void> {
      closing.abort()
      await Promise.all(underWay)
    },
  }
}
