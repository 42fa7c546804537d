/** A pasted command as the words that a shell would make of it. What a shell would expand or run is refused. */
import { parse } from 'shell-quote'
import { type Problem, refused } from './import-result.ts'

/** Nobody types more, and its reading stays cheap. */
const mostBytes = 65_536
/** Operators, globs, braces, history, home: unquoted they mean something to some shell. */
const special = /[|&;()<>*?[\]{}!#~]/

/** The words of one command without any shell syntax. Never expands, never throws, repeats nothing of the command. */
export function shellWords(
  command: string,
): { ok: true; words: string[] } | { ok: false; problems: Problem[] } {
  const problem = (message: string) => refused({ path: 'command', message })
  if (Buffer.byteLength(command) > mostBytes) return problem('is over 64 KiB: shorten its body')
  if (command.includes('\0')) return problem('holds a NUL character: remove it')
  const text = command.replaceAll('\r\n', '\n').trim()
  if (/\^(?:\n|["^%&])/.test(text)) {
    return problem('is for the Windows prompt (^): copy it as cURL (bash)')
  }
  const joined = joinLines(text)
  if (!joined.ok) return problem(joined.message)
  try {
    const words = parse(joined.text, () => ({ op: 'variable' }))
    // The scan above and the library must agree that there are only words.
    if (!words.every((word) => typeof word === 'string')) return problem(noSyntax)
    return { ok: true, words }
  } catch {
    return problem('cannot be read as a shell command: check its quotes')
  }
}

const noSyntax =
  'holds shell syntax (a pipe, variable, wildcard, comment or the like), and nothing is expanded here: put the URL and each value in single quotes'

/** Takes out line continuations, and refuses what the library would read as plain text although a shell would not. */
function joinLines(text: string): { ok: true; text: string } | { ok: false; message: string } {
  let quote: 'none' | 'single' | 'double' | 'ansi' = 'none'
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    const next = text[i + 1] ?? ''
    if (quote === 'single') {
      if (char === "'") quote = 'none'
    } else if (char === '\\') {
      if (next === '') return { ok: false, message: 'ends with a backslash: paste all its lines' }
      i++
      if (next === '\n' && quote !== 'ansi') continue
      if (next === '`') return { ok: false, message: noSyntax }
      out += char + next
      continue
    } else if (quote === 'ansi') {
      if (char === "'") quote = 'none'
    } else if (char === '`' || (char === '$' && (quote === 'double' || next !== "'"))) {
      return { ok: false, message: noSyntax }
    } else if (quote === 'double') {
      if (char === '"') quote = 'none'
    } else if (char === '$') {
      quote = 'ansi'
      out += char + next
      i++
      continue
    } else if (char === "'") quote = 'single'
    else if (char === '"') quote = 'double'
    else if (char === '\n') return { ok: false, message: 'is more than one command: import them one by one' }
    else if (special.test(char)) return { ok: false, message: noSyntax }
    out += char
  }
  return quote === 'none'
    ? { ok: true, text: out }
    : { ok: false, message: 'has a quote that is never closed: paste the whole command' }
}
