import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { demoZendesk } from '../local/demo-data.ts'
import { type Laptop, startLaptop } from '../local/laptop.ts'
import type { Line } from '../local/print.ts'

const root = join(__dirname, '..')

describe('the laptop', () => {
  let laptop: Laptop
  const lines: Line[] = []
  beforeAll(async () => {
    laptop = await startLaptop({ port: 0, onLine: (line) => lines.push(line) })
  })
  afterAll(() => laptop.close())

  const said = (ticketId: number) =>
    (laptop.zendesk.account.conversations.get(ticketId)?.comments ?? []).filter(
      (comment) => comment.author_id === demoZendesk.botUserId,
    )
  const post = (body: unknown, type = 'application/json') =>
    fetch(`${laptop.url}/demo/message`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: JSON.stringify(body),
    })
  const ask = async (message: object): Promise<number> =>
    ((await (await post(message)).json()) as { ticket: number }).ticket
  const answered = async (ticketId: number, times = 1) => {
    while (said(ticketId).length < times) await sleep(10)
    await laptop.settled(5000)
    return said(ticketId)
  }

  test('two customers get each their own answer, and nobody another’s order', async () => {
    const tickets = await Promise.all([
      ask({ from: 'zoe', text: 'Where is order 1042?' }),
      ask({ from: 'ben', text: 'Where is order 2077?' }),
      ask({ from: 'ben', text: 'Where is order 1042?' }),
      ask({ from: 'kim', text: 'Where is order 1042?' }),
    ])
    const [zoe, ben, nosy, stranger] = await Promise.all(tickets.map((id) => answered(id)))
    expect(zoe).toMatchObject([
      { public: true, body: expect.stringMatching(/^Hi Zoë,[\s\S]*1042 is on its way/) },
    ])
    expect(ben).toMatchObject([
      { public: true, body: expect.stringMatching(/^Hi Ben,[\s\S]*2077 is processing/) },
    ])
    for (const comments of [nosy, stranger])
      expect(comments?.filter((comment) => comment.public && /way|DHL|Zoë/.test(comment.body))).toEqual([])
  })

  test('the same webhook twice leaves one reply, and a follow-up gets a second', async () => {
    const ticket = await ask({ from: 'zoe', text: 'Where is order 1042?' })
    await answered(ticket)
    const rang = laptop.zendesk.deliveries.find((delivery) => delivery.ticketId === ticket)
    expect(await laptop.zendesk.redeliver(rang)).toBe(200)
    await laptop.settled(5000)
    expect(said(ticket)).toHaveLength(1)
    await ask({ from: 'zoe', text: 'And order 1017?', ticket })
    const replies = await answered(ticket, 2)
    expect(replies[1]?.body).toContain('1017 was delivered')
  })

  test('a forged webhook is refused at the door', async () => {
    const response = await fetch(laptop.webhookUrl, { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
    const other = await fetch(`${laptop.url}/webhooks/intercom/x`, { method: 'POST', body: '{}' })
    expect(other.status).toBe(404)
  })

  test('the demo’s route says what is wrong, and takes nothing that a web page could send', async () => {
    expect((await post({ from: 'eve', text: 'x' })).status).toBe(400)
    expect((await post({ from: 'zoe', text: 'x', ticket: 1 })).status).toBe(404)
    expect((await post({ from: 'zoe', text: 'x' }, 'text/plain')).status).toBe(415)
  })

  test('no step raised an alarm', () => {
    expect(lines.filter((line) => line.alarm)).toEqual([])
    expect(lines.filter((line) => line.event === 'reply_posted').length).toBeGreaterThanOrEqual(4)
  })
})

/** Runs `npm start`’s program to its end. */
async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(root, 'bin/local.ts'), ...args], {
    env: { PATH: process.env.PATH, PORT: '0', ...env },
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, ended, output: () => output }
}

describe('the program', () => {
  test('answers the demo ticket once and exits 0', async () => {
    const { ended, output } = await run(['--once'])
    expect(await ended).toBe(0)
    expect(output()).toMatch(/scripted stand-in[\s\S]*verified[\s\S]*tool called[\s\S]*Hi Zoë/)
    expect(output()).not.toContain('\u001b[')
  })

  test('serves until it is interrupted, and then ends cleanly', async () => {
    const { child, ended, output } = await run(['--no-demo'])
    while (!output().includes('Ctrl-C')) await sleep(10)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(output()).toContain('/webhooks/zendesk/')
  })

  test('explains a wrong flag and exits 2', async () => {
    const { ended, output } = await run(['--verbose'])
    expect(await ended).toBe(2)
    expect(output()).toContain('--no-demo')
  })
})
