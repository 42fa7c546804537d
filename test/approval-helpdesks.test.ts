/** A write that a colleague approves by a note, on every helpdesk that proves who typed it. Over the real handlers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { client as gorgiasClient } from '../lambdas/gorgias/api.ts'
import { demoGorgias } from '../local/gorgias/demo-account.ts'
import { demoHubspot } from '../local/hubspot/demo-account.ts'
import { demoPeople } from '../local/people.ts'
import { demoZendesk } from '../local/zendesk/demo.ts'
import { createdAnswer } from '../schemas/gorgias-api.ts'
import type { HelpdeskName } from '../schemas/names.ts'
import { eager, publishRefund, refundsSent } from './consent-world.ts'
import { apiTo } from './fixtures/api.ts'
import { fixtures } from './fixtures/helpdesks.ts'
import { startWorld, type World } from './world.ts'

const approverOf = {
  zendesk: String(demoZendesk.agentUserId),
  gorgias: String(demoGorgias.agent.id),
  hubspot: `A-${demoHubspot.agentUserId}`,
} satisfies Partial<Record<HelpdeskName, string>>
const code = /approve ([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})/

describe.each(Object.entries(approverOf) as [keyof typeof approverOf, string][])(
  'on %s',
  (name, approver) => {
    let world: World
    beforeAll(async () => {
      world = await startWorld({ script: eager, helpdesk: name })
    })
    afterAll(() => world.close())
    beforeEach(async () => {
      world.clock.time += 25 * 60 * 60_000
      world.shop.refunds.length = 0
      world.shop.requests.length = 0
      await publishRefund(world, { confirm: 'agent' }, { approvers: [approver] })
    })

    /** A refund waits. */
    async function waiting(): Promise<[ticketId: string, code: string]> {
      const ticketId = world.standIn.opens({
        from: demoPeople.zoe,
        text: 'Please refund 20 EUR of order 1042.',
      })
      await world.deliver(ticketId)
      await world.untilQuiet(ticketId)
      expect(refundsSent(world)).toBe(0)
      world.clock.time += 60_000
      const notes = world.said(ticketId).filter((message) => !message.public)
      return [ticketId, code.exec(notes.map(({ text }) => text).join())?.[1] ?? 'none']
    }
    async function settle(ticketId: string): Promise<void> {
      await world.deliver(ticketId)
      await world.untilQuiet(ticketId)
    }

    test('it runs once, by the team’s doorbell alone, and the customer is told', async () => {
      const [ticketId, approval] = await waiting()
      world.standIn.writes(ticketId, 'agent', `approve ${approval}`, { internal: true })
      await settle(ticketId)
      expect(refundsSent(world)).toBe(1)
      expect(
        world
          .said(ticketId)
          .filter((message) => message.public)
          .at(-1)?.text,
      ).toContain('This was approved and has been done')
      world.standIn.writes(ticketId, 'agent', `approve ${approval}`, { internal: true })
      await settle(ticketId)
      expect(refundsSent(world)).toBe(1)
    })

    test('nothing runs by a public answer, by the customer, or with another code', async () => {
      const [ticketId, approval] = await waiting()
      world.standIn.writes(ticketId, 'agent', 'approve 0000-0000-0000', { internal: true })
      await settle(ticketId)
      world.standIn.writes(ticketId, demoPeople.zoe, `approve ${approval}`)
      await settle(ticketId)
      world.standIn.writes(ticketId, 'agent', `approve ${approval}`)
      await settle(ticketId)
      expect(refundsSent(world)).toBe(0)
    })

    test('nothing runs by a note of the bot, though it is an approver', async () => {
      const bot = {
        zendesk: String(demoZendesk.botUserId),
        gorgias: '93',
        hubspot: `A-${demoHubspot.botUserId}`,
      }
      await publishRefund(world, { confirm: 'agent' }, { approvers: [approver, bot[name]] })
      world.clock.time += 60_000
      const [ticketId, approval] = await waiting()
      const api = apiTo(fixtures[name], world.standIn, world.clock.now)
      const { helpdesk } = fixtures[name]
      const ticket = await helpdesk.read(ticketId, api)
      await helpdesk.post(ticket, { kind: 'note', text: `approve ${approval}`, ref: 'x' }, api)
      world.clock.time += 60_000
      world.standIn.writes(ticketId, demoPeople.zoe, 'Any news?')
      await settle(ticketId)
      expect(refundsSent(world)).toBe(0)
    })

    if (name === 'gorgias') {
      test('nothing runs by a note that the API wrote in an approver’s name', async () => {
        const [ticketId, approval] = await waiting()
        const body = {
          channel: 'internal-note',
          via: 'api',
          from_agent: true,
          public: false,
          sender: { id: demoGorgias.agent.id },
          body_text: `approve ${approval}`,
          body_html: `approve ${approval}`,
        }
        const api = apiTo(fixtures.gorgias, world.standIn, world.clock.now) as never
        await gorgiasClient.write(api, 'POST', `/api/tickets/${ticketId}/messages`, body, createdAnswer)
        world.clock.time += 60_000
        await settle(ticketId)
        expect(refundsSent(world)).toBe(0)
      })
    }
  },
)
