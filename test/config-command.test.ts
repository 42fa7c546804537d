/** `npm run config`, as a process of its own, against the admin API over HTTP. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type AdminWorld, readTool, startAdminWorld } from './admin-world.ts'

let world: AdminWorld
const directory = mkdtempSync(join(tmpdir(), 'deskhand-config-'))
beforeAll(async () => {
  world = await startAdminWorld()
  await world.enrol('acme', 'edda', 'editor')
  await world.enrol('acme', 'ben', 'approver')
})
afterAll(async () => {
  await world.close()
  rmSync(directory, { recursive: true })
})

interface Ran {
  code: number
  out: string
  err: string
}
async function config(args: string[], who = 'edda'): Promise<Ran> {
  const token = await world.identityProvider.token(who)
  const more = args.includes('--url') ? [] : ['--url', world.url]
  return await new Promise((done) => {
    execFile(
      process.execPath,
      ['bin/config.ts', ...args, '--tenant', 'acme', ...more],
      { cwd: join(__dirname, '..'), env: { PATH: process.env.PATH, DESKHAND_TOKEN: token } },
      (error, out, err) => done({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    )
  })
}
const file = (name: string) => join(directory, name)
const why = ['--why', 'kept in git']

test('what a team writes is saved, shown as different no more, published, exported as it was, and pruned', async () => {
  mkdirSync(file('tools'))
  mkdirSync(file('articles'))
  writeFileSync(file('tools/get_parcel.json'), JSON.stringify(readTool))
  writeFileSync(file('articles/returns.yaml'), 'id: returns\ntitle: Returns\ntext: |\n  Within 30 days.\n')
  writeFileSync(file('agent-settings.yaml'), 'name: Nora\n')

  const before = await config(['diff', directory])
  expect(before).toMatchObject({ code: 1, err: '' })
  expect(before.out.split('\n').sort()).toEqual([
    '',
    '+ agent-settings',
    '+ articles/returns',
    '+ tools/get_parcel',
  ])

  const applied = await config(['apply', directory, ...why])
  expect(applied).toMatchObject({ code: 0, err: '' })
  expect(applied.out).toContain('3 saved as drafts')
  expect(await config(['diff', directory])).toMatchObject({ code: 0, out: 'Nothing differs.\n' })
  expect(await config(['diff', directory, '--live'])).toMatchObject({ code: 1 })

  // What is risky is an approver's to publish, by a command too.
  const refused = await config(['apply', directory, ...why, '--publish'])
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.err).toContain('tool get_parcel: calls a host that nothing called before')
  const published = await config(['apply', directory, ...why, '--publish'], 'ben')
  expect(published).toMatchObject({ code: 0 })
  expect(published.out).toContain('Release 1 is live')
  expect(await config(['diff', directory, '--live'])).toMatchObject({ code: 0 })

  const copy = mkdtempSync(join(tmpdir(), 'deskhand-config-'))
  expect(await config(['export', copy])).toMatchObject({ code: 0, out: `3 files in ${copy}\n` })
  expect(readdirSync(copy).sort()).toEqual(['agent-settings.yaml', 'articles', 'tools'])
  expect(await config(['diff', copy])).toMatchObject({ code: 0 })

  writeFileSync(
    join(copy, 'articles/returns.yaml'),
    readFileSync(join(copy, 'articles/returns.yaml'), 'utf8').replace('30', '14'),
  )
  rmSync(join(copy, 'tools/get_parcel.yaml'))
  const diff = await config(['diff', copy, '--prune'])
  expect(diff.out).toContain('~ articles/returns\n    #/text  "Within 30 days.\\n" -> "Within 14 days.\\n"')
  expect(diff.out).toContain('- tools/get_parcel')
  expect(await config(['apply', copy, '--prune', '--publish', ...why])).toMatchObject({ code: 0 })
  expect((await world.as('edda').get('/admin/tenants/acme/tools')).body.items).toEqual([])
  rmSync(copy, { recursive: true })
})

test.each([
  ['a: [1', 'Flow sequence'],
  ['title: T\nid: a\ntext: T\ntitle: U', 'Map keys must be unique'],
  ['title: &a T\nid: a\ntext: *a', 'aliases'],
  ['id: a\ntitle: T', '#/text'],
])('a file that is wrong (%j) is named, with what is wrong, and nothing is sent', async (text, said) => {
  const wrong = mkdtempSync(join(tmpdir(), 'deskhand-config-'))
  mkdirSync(join(wrong, 'articles'))
  writeFileSync(join(wrong, 'articles/a.yaml'), text)
  world.ports.length = 0
  const ran = await config(['apply', wrong, ...why])
  expect(ran.code).toBe(1)
  expect(ran.err).toContain('articles/a.yaml')
  expect(ran.err).toContain(said)
  expect(world.ports).toEqual([])
  rmSync(wrong, { recursive: true })
})

test.each([
  [['show', 'x'], 'which?'],
  [['diff'], 'which directory'],
  [['apply', 'x'], '--why'],
  [['diff', 'x', '--url', 'http://deskhand.acme.com'], '--url'],
  [['diff', 'x', '--format', 'toml'], '--format'],
])('wrong usage %j is told', async (args, said) => {
  const ran = await config(args)
  expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(said)])
})

test('somebody who may not, and a token that is over, are told so', async () => {
  expect((await config(['diff', directory], 'stranger')).err).toContain('You have no role in this tenant')
})
