/** What tools answered before, for parameters with a `previous.` source: out of the stored steps, never out of a prompt. */
import { assurances, atLeast } from '../../schemas/names.ts'
import { previousOf } from '../../schemas/tool-rules.ts'
import { openJournal, type Step } from './ledger.ts'
import { aboutOf } from './look-again.ts'
import type { Tool } from './tools/check-tool.ts'
import { selectFrom } from './tools/tool-answer.ts'
import type { Facts } from './tools/tool-arguments.ts'
import { type Turn, turnIdOf } from './turn.ts'

/** Earlier messages whose turns are looked through. */
const maxEarlier = 20

/**
 * The newest result of a tool in an earlier step of this turn, else in an earlier turn of this ticket for the very same
 * proven customer and level, under the same release: another one may not have checked whose the record is. A result
 * that was cut is none. Nothing is read for a tool that takes no earlier result.
 */
export async function earlierResults(turn: Turn, tool: Tool): Promise<Facts['previous']> {
  const wanted = new Set(
    Object.values(tool.parameters.properties).flatMap(({ source }) => previousOf(source)?.tool ?? []),
  )
  const found = new Map<string, unknown>()
  for (const name of wanted) {
    const mine = newestResult(turn.journal.steps, name)
    const result = mine ?? (await inEarlierTurns(turn, name))
    if (result === undefined) continue
    found.set(name, result.value)
    // It was fetched for this customer, and is in this turn now.
    if (mine === undefined) turn.personal = true
  }
  return (name, path) => {
    const selected = found.has(name) ? selectFrom(path, found.get(name)) : { ok: false as const }
    return selected.ok ? selected.value : undefined
  }
}

/**
 * Every result of a tool that was fetched for the very same proven address, at this level or below: of this turn, and of
 * earlier turns of this ticket under the same release. To compare with, not to show: nothing of it enters a prompt.
 */
export async function* resultsForAddress(turn: Turn, tool: string): AsyncGenerator<unknown> {
  const { address } = turn.identity
  if (address === undefined) return
  for (const { value } of resultsIn(turn.journal.steps, tool)) yield value
  for (const level of assurances.filter((each) => atLeast(turn.identity.level, each))) {
    const about = await aboutOf(turn, { ...turn.identity, level })
    for await (const steps of earlierTurns(turn, about))
      for (const { value } of resultsIn(steps, tool)) yield value
  }
}

async function inEarlierTurns(turn: Turn, tool: string): Promise<{ value: unknown } | undefined> {
  if (turn.identity.address === undefined) return undefined
  for await (const steps of earlierTurns(turn, turn.about)) {
    const result = newestResult(steps, tool)
    if (result !== undefined) return result
  }
  return undefined
}

/** The stored steps of earlier turns for whom `about` names, under this turn's release, newest turn first. */
async function* earlierTurns(turn: Turn, about: string): AsyncGenerator<readonly Step[]> {
  const { tenant, lease, clock, ticket, message, agent } = turn
  const earlier = ticket.messages.filter(({ id, author }) => id !== message.id && author.role === 'customer')
  for (const { id } of earlier.toReversed().slice(0, maxEarlier)) {
    const turnId = turnIdOf(id, about)
    const journal = await openJournal(tenant.conversations, tenant.vault, lease.key.pk, turnId, clock.now)
    if (journal.release === agent.release) yield journal.steps
  }
}

/** Where the newest was cut there is none. */
function newestResult(steps: readonly Step[], tool: string): { value: unknown } | undefined {
  const [text] = textsIn(steps, tool)
  return text === undefined ? undefined : parse(text)
}

const resultsIn = (steps: readonly Step[], tool: string): { value: unknown }[] =>
  [...textsIn(steps, tool)].flatMap((text) => parse(text) ?? [])

/** Of calls that succeeded, newest first: their results are JSON, and stand in the step after the call's. */
function* textsIn(steps: readonly Step[], tool: string): Generator<string> {
  for (const [i, step] of [...steps.entries()].reverse()) {
    const names = new Map(
      (steps[i - 1]?.answer.content ?? []).flatMap((block) =>
        block.type === 'tool_use' ? [[block.id, block.name] as const] : [],
      ),
    )
    for (const block of step.user.toReversed()) {
      if (block.type !== 'tool_result' || block.is_error || names.get(block.tool_use_id) !== tool) continue
      yield typeof block.content === 'string' ? block.content : ''
    }
  }
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
