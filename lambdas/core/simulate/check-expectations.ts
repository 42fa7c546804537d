/** Did a simulated turn go as its case says? */
import { isDeepStrictEqual } from 'node:util'
import type { Expectation } from '../../../schemas/simulation.ts'
import type { SimulatedCall } from './calls.ts'
import { includes } from './rehearse.ts'
import type { Simulated } from './simulate.ts'

type ExpectedCall = NonNullable<Expectation['calls']>[number]

/** What is not as expected, each with what was expected and what was. Empty: all is well. */
export function checkExpectations(expected: Expectation, actual: Simulated): string[] {
  return [
    ...checkEnd(actual),
    ...checkCalls(expected.calls, actual.calls),
    ...checkNoCalls(expected.noCalls, actual.calls),
    ...checkReply(expected.reply, actual),
    ...checkHandedOver(expected.handedOver, actual),
    ...checkProposals(expected.proposals, actual),
    ...checkTask(expected.task, actual),
  ]
}

/** A turn that did not come to its end proves nothing, whatever was expected of it. */
function* checkEnd({ outcome, cause, problems }: Simulated): Generator<string> {
  if (outcome !== 'failed') return
  const why = problems.flatMap(({ message }) => message ?? [])
  yield [`the turn failed: ${cause}`, ...why].join('\n')
}

/** Expected calls stand in their order among the others. As a diff: `-` did not come, `+` came besides. */
function* checkCalls(
  expected: ExpectedCall[] | undefined,
  calls: readonly SimulatedCall[],
): Generator<string> {
  if (expected === undefined) return
  const lines: string[] = []
  let next = 0
  let isRight = true
  for (const wanted of expected) {
    const at = calls.findIndex((call, i) => i >= next && fits(wanted, call))
    if (at < 0) {
      isRight = false
      lines.push(`- ${described(wanted)}`)
      continue
    }
    lines.push(...calls.slice(next, at).map((call) => `+ ${told(call)}`), `  ${told(calls[at])}`)
    next = at + 1
  }
  lines.push(...calls.slice(next).map((call) => `+ ${told(call)}`))
  if (!isRight) yield ['calls: - expected, + called', ...lines].join('\n')
}

const fits = (wanted: ExpectedCall, call: SimulatedCall): boolean =>
  wanted.tool === call.tool &&
  (wanted.outcome === undefined || wanted.outcome === call.outcome) &&
  (wanted.arguments === undefined || includes(call.arguments, wanted.arguments)) &&
  (wanted.exactly === undefined || isDeepStrictEqual(withoutNulls(call.arguments), wanted.exactly))

/** Claude says null for an optional argument that it leaves out. */
const withoutNulls = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null))
    : value

const described = ({ tool, arguments: args = {}, exactly, outcome }: ExpectedCall): string =>
  `${tool} ${exactly === undefined ? `at least ${JSON.stringify(args)}` : JSON.stringify(exactly)} ${outcome ?? ''}`.trimEnd()
const told = (call: SimulatedCall | undefined): string =>
  call === undefined
    ? ''
    : `${call.tool} ${JSON.stringify(call.arguments)} ${call.outcome}${call.cause === undefined ? '' : ` (${call.cause})`}`

function* checkNoCalls(barred: string[] = [], calls: readonly SimulatedCall[]): Generator<string> {
  for (const call of calls.filter(({ tool }) => barred.includes(tool)))
    yield `${call.tool} must not be called:\n+ ${told(call)}`
}

function* checkReply(expected: Expectation['reply'], actual: Simulated): Generator<string> {
  if (expected === undefined) return
  const { reply } = actual
  if (reply === undefined) {
    if ((expected.contains ?? []).length > 0) yield `a reply is expected, but it ${ended(actual)}`
    return
  }
  const text = reply.toLowerCase()
  for (const part of expected.contains ?? [])
    if (!text.includes(part.toLowerCase()))
      yield `the reply does not contain ${JSON.stringify(part)}:\n${reply}`
  for (const part of expected.notContains ?? [])
    if (text.includes(part.toLowerCase())) yield `the reply contains ${JSON.stringify(part)}:\n${reply}`
}

function* checkHandedOver(expected: boolean | undefined, actual: Simulated): Generator<string> {
  if (expected === undefined || expected === (actual.outcome === 'handed_over')) return
  yield expected
    ? `a hand-over is expected, but it ${ended(actual)}`
    : `no hand-over is expected, but it ${ended(actual)}`
}

const ended = ({ outcome, cause }: Simulated): string =>
  `ended ${outcome}${cause === undefined ? '' : ` (${cause})`}`

function* checkProposals(expected: string[] | undefined, { proposals }: Simulated): Generator<string> {
  const made = new Set(proposals.map(({ tool }) => tool))
  if (expected === undefined || isDeepStrictEqual(new Set(expected), made)) return
  yield `proposals: expected ${expected.join(', ') || 'none'}, made ${[...made].join(', ') || 'none'}`
}

function* checkTask(expected: string | undefined, { task }: Simulated): Generator<string> {
  if (expected === undefined || task?.name === expected) return
  yield `the task ${expected} is expected, but ${task === undefined ? 'none' : task.name} was started`
}
