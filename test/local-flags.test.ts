import { describe, expect, test } from '@jest/globals'
import { readFlags } from '../local/local-flags.ts'

const wrong = (args: string[], env = {}) => {
  const read = readFlags(args, env)
  return 'wrong' in read ? read.wrong : undefined
}

test('without flags the demo runs on port 8787 with the stand-in for Claude', () => {
  expect(readFlags([], {})).toEqual({ flags: { port: 8787, demo: ['zendesk'], once: false, allowHosts: [] } })
})

test('every flag and variable arrives', () => {
  const args = [
    '--demo',
    'zendesk',
    '--once',
    '--allow-host',
    'localhost:3000',
    '--allow-host',
    '127.0.0.1:4',
    '--data',
    'd',
  ]
  const env = { PORT: '9000', ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'http://localhost:1' }
  expect(readFlags(args, env)).toEqual({
    flags: {
      port: 9000,
      demo: ['zendesk'],
      once: true,
      allowHosts: ['localhost:3000', '127.0.0.1:4'],
      dataDirectory: 'd',
      anthropic: { apiKey: 'k', baseURL: 'http://localhost:1' },
    },
  })
  expect(readFlags(['--no-demo'], {})).toMatchObject({ flags: { demo: [] } })
  expect(readFlags(['--help'], {})).toEqual({ help: true })
})

test.each(['refund', 'cancel', 'approval', 'stranger'])('%s is a story, and no helpdesk', (story) => {
  expect(readFlags(['--demo', story, '--once'], {})).toMatchObject({ flags: { demo: [], story, once: true } })
})

describe('what cannot work is said', () => {
  test.each([
    [
      ['--demo', 'kustomer'],
      {},
      /no such helpdesk or story; .*zendesk.*all, refund, cancel, approval, stranger/,
    ],
    [['--no-demo', '--once'], {}, /neither/],
    [['--allow-host', 'http://localhost:3000'], {}, /host:port/],
    [['--verbose'], {}, /verbose/],
    [['zendesk'], {}, /zendesk/],
    [[], { PORT: 'x' }, /PORT=x/],
    [[], { ANTHROPIC_BASE_URL: 'nowhere' }, /not a URL/],
  ])('%j %j', (args, env, message) => {
    expect(wrong(args, env)).toMatch(message)
  })
})
