import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Laptop, startLaptop } from '../local/laptop.ts'
import type { Line } from '../local/print.ts'
import { demoCustomers, demoZendesk } from '../local/zendesk/demo.ts'

const root = join(__dirname, '..')

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

describe('the laptop', () => {
  let laptop: Laptop
  /** Written together, so that their turns are waited for together. */
  let tickets: string[]
  const lines: Line[] = []
  beforeAll(async () => {
    laptop = await startLaptop({ port: 0, onLine: (line) => lines.push(line) })
    tickets = [
      laptop.write({ from: 'zoe', text: 'Where is order 1042?' }),
      laptop.write({ from: 'ben', text: 'Where is order 2077?' }),
      laptop.write({ from: 'ben', text: 'Where is order 1042?' }),
      laptop.write({ from: 'kim', text: 'Where is order 1042?' }),
    ]
  })
  afterAll(() => laptop.close())

  const said = (ticketId: string) =>
    (laptop.standIns.zendesk.ticket(ticketId)?.messages ?? []).filter(({ by }) => by === 'us')
  const post = (body: unknown, type = 'application/json') =>
    fetch(`${laptop.url}/demo/message`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: JSON.stringify(body),
    })
  const ask = async (message: object): Promise<string> =>
    ((await (await post(message)).json()) as { ticket: string }).ticket
  const answered = async (ticketId: string, times = 1) => {
    while (said(ticketId).length < times) await sleep(10)
    await laptop.settled(5000)
    return said(ticketId)
  }

  test('two customers get each their own answer, and nobody another’s order', async () => {
    const [zoe, ben, nosy, stranger] = await Promise.all(tickets.map((id) => answered(id)))
    expect(zoe).toMatchObject([
      { public: true, text: expect.stringMatching(/^Hi Zoë,[\s\S]*1042 is on its way/) },
    ])
    expect(ben).toMatchObject([
      { public: true, text: expect.stringMatching(/^Hi Ben,[\s\S]*2077 is processing/) },
    ])
    for (const comments of [nosy, stranger])
      expect(comments?.filter((comment) => comment.public && /way|DHL|Zoë/.test(comment.text))).toEqual([])
  })

  test('the same webhook twice leaves one reply, and a follow-up gets a second', async () => {
    const [ticket = ''] = tickets
    await answered(ticket)
    const rang = laptop.standIns.zendesk.deliveries.find((delivery) => delivery.ticketId === ticket)
    expect(await laptop.standIns.zendesk.redeliver(rang)).toBe(200)
    await laptop.settled(5000)
    expect(said(ticket)).toHaveLength(1)
    await ask({ from: 'zoe', text: 'And order 1017?', ticket })
    const replies = await answered(ticket, 2)
    expect(replies[1]?.text).toContain('1017 was delivered')
  })

  test('a forged webhook is refused at the door', async () => {
    const response = await fetch(laptop.webhookUrl('zendesk'), { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
    const other = await fetch(`${laptop.url}/webhooks/kustomer/x`, { method: 'POST', body: '{}' })
    expect(other.status).toBe(404)
  })

  test('the demo’s route says what is wrong, and takes nothing that a web page could send', async () => {
    expect((await post({ from: 'eve', text: 'x' })).status).toBe(400)
    expect((await post({ from: 'zoe', text: 'x', ticket: 1 })).status).toBe(404)
    expect((await post({ from: 'zoe', text: 'x' }, 'text/plain')).status).toBe(415)
  })

  test('no step raised an alarm', () => {
    expect(lines.filter((line) => line.alarm)).toEqual([])
    expect(lines.filter((line) => line.event === 'reply_posted').length).toBeGreaterThanOrEqual(3)
  })
})

/** Kills the program once a webhook is accepted, starts it again on the same directory and stops it when it has replied. */
async function killedAndStartedAgain(directory: string): Promise<string> {
  const until = async (program: Awaited<ReturnType<typeof run>>, text: string) => {
    while (!program.output().includes(text)) await sleep(5)
  }
  const first = await run(['--data', directory])
  await until(first, 'verified')
  first.child.kill('SIGKILL')
  await first.ended
  const second = await run(['--data', directory, '--no-demo'])
  await until(second, 'turn over')
  second.child.kill('SIGINT')
  await second.ended
  return readFileSync(join(directory, 'zendesk.json'), 'utf8')
}

describe('the program', () => {
  // Begun here, so that they run while the laptop above does.
  const once = run(['--once'])
  const directory = mkdtempSync(join(tmpdir(), 'deskhand-'))
  const kept = killedAndStartedAgain(directory)
  afterAll(() => rmSync(directory, { recursive: true }))

  test('answers the demo ticket once and exits 0', async () => {
    const { ended, output } = await once
    expect(await ended).toBe(0)
    expect(output()).toMatch(/scripted stand-in[\s\S]*verified[\s\S]*tool called[\s\S]*Hi Zoë/)
    expect(output()).not.toContain('\u001b[')
  })

  test('killed right after it accepted a webhook, it replies once after the next start', async () => {
    const [[, { comments }]] = JSON.parse(await kept) as [[number, { comments: { author_id: number }[] }]]
    expect(comments.map(({ author_id }) => author_id)).toEqual([demoCustomers.zoe, demoZendesk.botUserId])
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
