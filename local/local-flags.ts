/** The flags and variables of `npm start`. */
import { parseArgs } from 'node:util'
import { type HelpdeskName, helpdeskNames } from '../schemas/names.ts'
import { type DemoStory, demoStories } from './demo-data.ts'

export const usage = `Deskhand on this machine: the real handlers, stand-ins for everything around them.

  npm start -- [flags]

  --demo <helpdesk>        where the demo ticket comes from: ${helpdeskNames.join(', ')}
                           (default ${helpdeskNames[0]}), or all: one ticket on each
  --demo <story>           what may be done, on Zendesk: ${demoStories.join(', ')}
  --once                   exit after the demo: 0 only if the reply arrived, or the story went as it should
  --no-demo                serve only
  --allow-host <host:port> http address on this machine that tools, APIs and a connection's baseUrl may name (repeatable)
  --data <directory>       keep tables, secrets and queues there (default: memory)
  --admin-token-file <file>  writes a token of this machine's operator there, for the admin API
  --help                   this text

  PORT                     default 8787; the stand-ins take the next ones, or any that are free
  ANTHROPIC_API_KEY        answer with real Claude; without it a scripted stand-in answers
  ANTHROPIC_BASE_URL       any server that speaks the Messages API
`

export interface LocalFlags {
  port: number
  /** Where demo tickets come from; none: serve only. */
  demo: HelpdeskName[]
  /** The story to play instead. */
  story?: DemoStory
  once: boolean
  allowHosts: string[]
  dataDirectory?: string
  adminTokenFile?: string
  anthropic?: { apiKey: string; baseURL?: string }
}

/** Answers the flags, that help is wanted, or what is wrong with them. */
export function readFlags(
  args: string[],
  env: Record<string, string | undefined>,
): { flags: LocalFlags } | { help: true } | { wrong: string } {
  let values: ReturnType<typeof parse>
  try {
    values = parse(args)
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) }
  }
  if (values.help) return { help: true }
  const story = demoStories.find((name) => name === values.demo)
  const demo = demoOf(values.demo)
  if (demo.length === 0 && story === undefined)
    return {
      wrong: `--demo ${values.demo}: no such helpdesk or story; there is ${helpdeskNames.join(', ')}, all, ${demoStories.join(', ')}`,
    }
  if (values['no-demo'] && (values.once || values.demo !== undefined))
    return { wrong: '--no-demo goes neither with --demo nor with --once' }
  const allowHosts = values['allow-host'] ?? []
  const odd = allowHosts.find((host) => !/^[a-z0-9.-]+:\d{1,5}$/.test(host))
  if (odd !== undefined) return { wrong: `--allow-host ${odd}: write host:port, for example localhost:3000` }
  const port = Number(env.PORT ?? 8787)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    return { wrong: `PORT=${env.PORT}: not a port number` }
  const baseURL = env.ANTHROPIC_BASE_URL
  if (baseURL && !URL.canParse(baseURL)) return { wrong: `ANTHROPIC_BASE_URL=${baseURL}: not a URL` }
  const apiKey = env.ANTHROPIC_API_KEY || (baseURL ? 'none' : undefined)
  return {
    flags: {
      port,
      demo: values['no-demo'] ? [] : demo,
      ...(story === undefined ? {} : { story }),
      once: values.once ?? false,
      allowHosts,
      ...(values.data === undefined ? {} : { dataDirectory: values.data }),
      ...(values['admin-token-file'] === undefined ? {} : { adminTokenFile: values['admin-token-file'] }),
      ...(apiKey ? { anthropic: { apiKey, ...(baseURL ? { baseURL } : {}) } } : {}),
    },
  }
}

const demoOf = (named = 'zendesk'): HelpdeskName[] =>
  helpdeskNames.filter((name) => name === named || named === 'all')

const parse = (args: string[]) =>
  parseArgs({
    args,
    strict: true,
    allowPositionals: false,
    options: {
      demo: { type: 'string' },
      once: { type: 'boolean' },
      'no-demo': { type: 'boolean' },
      'allow-host': { type: 'string', multiple: true },
      data: { type: 'string' },
      'admin-token-file': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values
