/** A write as people read it before they consent: what it does, and every value that the model chose, unaltered. */
import { type FixedLanguage, fixedLanguages } from '../../../schemas/consent.ts'
import { checkReply } from '../check-reply.ts'
import type { Tool } from '../tools/check-tool.ts'
import { placeholder } from '../tools/placeholder.ts'

/** A longer value is not read before it is consented to. */
const longestValue = 300
const longestLabel = 120

/**
 * `text` is markdown that passes the checks of a reply as it stands. Refused where a value could not be shown as it is:
 * what nobody can read, nobody can consent to.
 */
export function summaryOf(
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  language: FixedLanguage,
): { ok: true; text: string } | { ok: false; message: string } {
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(args)) {
    const shown = shownAs(value)
    if (shown === undefined)
      return { ok: false, message: `${name} cannot be shown to the customer as it is: hand over` }
    values.set(name, shown)
  }
  const template = templateOf(tool, language)
  const named = new Set([...template.matchAll(placeholder)].map(([, name = '']) => name))
  const title = template
    .split(/(\{[A-Za-z_]\w*\})/)
    .map((part, i) => (i % 2 === 1 ? (values.get(part.slice(1, -1)) ?? '–') : plain(part)))
    .join('')
  const rest = [...values]
    .filter(([name]) => !named.has(name))
    .map(([name, value]) => `- ${labelOf(tool, name)}: ${value}`)
  const text = [title, ...rest].join('\n')
  return staysAsItIs(text)
    ? { ok: true, text }
    : { ok: false, message: 'this cannot be shown to the customer as it is: hand over' }
}

function templateOf({ confirmText, name }: Tool, language: FixedLanguage): string {
  const known = [language, ...fixedLanguages].find((each) => confirmText?.[each] !== undefined)
  return (known === undefined ? undefined : confirmText?.[known]) ?? name.replaceAll('_', ' ')
}

const labelOf = (tool: Tool, name: string): string =>
  plain(tool.parameters.properties[name]?.description ?? name).slice(0, longestLabel)

/** The admin's words without markup and without what the checks would take out. */
function plain(text: string): string {
  const checked = checkReply(text.replaceAll(/[*_`[\]<>\\#|]/g, ' '), { linkHosts: [] })
  if (!checked.ok) return ''
  const [before = '', after = ''] = [/^\s/.test(text) ? ' ' : '', /\s$/.test(text) ? ' ' : '']
  return `${before}${checked.text.replaceAll(/\s+/g, ' ')}${after}`
}

/** As code, so that nothing in it is read as markup; `undefined` where that would not show every character. */
function shownAs(value: unknown): string | undefined {
  const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
  if (text.length > longestValue || /[`\r\n\t]/.test(text) || text !== text.trim() || / {2}/.test(text))
    return undefined
  const code = `\`${text}\``
  return staysAsItIs(code) ? code : undefined
}

function staysAsItIs(text: string): boolean {
  const checked = checkReply(text, { linkHosts: [] })
  return checked.ok && checked.removed.length === 0 && checked.text === text.trim()
}
