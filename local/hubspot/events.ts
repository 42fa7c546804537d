import { randomInt } from 'node:crypto'
import type { Conversation, Entry } from './account.ts'
import { demoHubspot } from './demo-account.ts'

/**
 * One event as HubSpot sends it: never a text. `eventId` is not unique by the vendor's own word; here it is random.
 * https://developers.hubspot.com/docs/api/webhooks
 */
const event = (subscriptionType: string, { thread }: Conversation, now: number, more: object) => ({
  eventId: randomInt(1, 2 ** 31),
  subscriptionId: 55501,
  portalId: demoHubspot.portalId,
  appId: demoHubspot.appId,
  occurredAt: now,
  subscriptionType,
  attemptNumber: 0,
  objectId: Number(thread.id),
  changeSource: 'USER',
  ...more,
})

/** A message or a comment. HubSpot fires the same for what an integration writes. */
export const newMessage = (conversation: Conversation, entry: Entry, now: number): string =>
  JSON.stringify([
    event('conversation.newMessage', conversation, now, {
      changeFlag: 'NEW_MESSAGE',
      messageId: entry.id,
      messageType: entry.type,
    }),
  ])

export const creation = (conversation: Conversation, now: number): string =>
  JSON.stringify([event('conversation.creation', conversation, now, { changeFlag: 'NEW' })])

export const propertyChange = (
  conversation: Conversation,
  propertyName: string,
  propertyValue: string,
  now: number,
): string =>
  JSON.stringify([event('conversation.propertyChange', conversation, now, { propertyName, propertyValue })])

/** HubSpot's documented rule: any status but 2xx, and a time-out of five seconds, is tried again up to ten times. */
export const deadlineMs = 5_000
export const retries = (): number => 10
