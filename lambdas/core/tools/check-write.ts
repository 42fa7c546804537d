/** Does a write say who consents, whose record it touches, how often, and what happens when its outcome is not known? */
import { atLeast } from '../../../schemas/names.ts'
import type { ToolDefinition } from '../../../schemas/tenant-apis.ts'
import { isChosen, previousOf } from '../../../schemas/tool-rules.ts'
import { parameterOf } from './check-request.ts'
import type { CheckContext, Problem } from './check-tool.ts'
import { placeholder, placeholdersIn } from './placeholder.ts'
import { selectProblem } from './tool-answer.ts'

/** A write says who consents and whose record it touches; a read has little of the kind to say. */
export function* checkEffect(tool: ToolDefinition, context: CheckContext): Generator<Problem> {
  yield* checkOwnership(tool, context)
  if (tool.effect === 'read') {
    yield* checkRead(tool)
    return
  }
  yield* checkConfirmText(tool)
  if (namesRecord(tool) && tool.ownership === undefined) {
    yield {
      path: 'ownership',
      message:
        "say which parameters name the record, and where the user data lists the customer's own: " +
        '{"by": "seen", "match": {"order_id": "orders[].id"}}; or by check, knowledge or api',
    }
  }
  yield* checkLookup(tool)
  yield* checkLimits(tool)
}

/** Is it chosen what the write is done to? */
export const namesRecord = ({ parameters }: Pick<ToolDefinition, 'parameters'>): boolean =>
  Object.values(parameters.properties).some(({ source }) => isChosen(source))

function* checkRead({
  request,
  confirm,
  confirmText,
  limits,
  idempotency,
  lookup,
  ownership,
}: ToolDefinition): Generator<Problem> {
  if (!['GET', 'POST'].includes(request.method))
    yield { path: 'request.method', message: `a ${request.method} changes something: say "effect": "write"` }
  if (confirm !== undefined) yield { path: 'confirm', message: 'is for writes: remove it' }
  if (confirmText !== undefined) yield { path: 'confirmText', message: 'is for writes: remove it' }
  if (ownership !== undefined && ownership.by !== 'knowledge') {
    yield { path: 'ownership', message: 'of a read can be by knowledge only; use response.owner: remove it' }
  }
  if (limits.perTicket !== 1 || limits.perCustomerPerDay !== undefined || limits.amount !== undefined) {
    yield { path: 'limits', message: 'is for writes: remove it' }
  }
  if (idempotency !== 'none') yield { path: 'idempotency', message: 'is for writes: remove it' }
  if (lookup !== undefined) yield { path: 'lookup', message: 'is for writes: remove it' }
}

/** What people read before they consent names parameters whose values are chosen. */
function* checkConfirmText(tool: ToolDefinition): Generator<Problem> {
  for (const [language, template] of Object.entries(tool.confirmText ?? {})) {
    const path = `confirmText.${language}`
    if (/[{}]/.test(template.replace(placeholder, ''))) {
      yield { path, message: 'braces hold the name of a parameter: {name}' }
    }
    for (const name of placeholdersIn(template)) {
      if (isChosen(parameterOf(tool, name)?.source ?? '')) continue
      yield { path, message: `{${name}} is not a parameter that the model fills in` }
    }
  }
}

function* checkOwnership(tool: ToolDefinition, context: CheckContext): Generator<Problem> {
  const { ownership } = tool
  switch (ownership?.by) {
    case undefined:
      return
    case 'seen':
      for (const [name, places] of Object.entries(ownership.match)) {
        const path = `ownership.match.${name}`
        yield* checkRecordId(tool, name, path)
        for (const place of [places].flat()) {
          const problem = selectProblem(previousOf(place)?.path ?? place)
          if (problem !== undefined) yield { path, message: problem }
        }
      }
      return
    case 'check':
      for (const name of Object.keys(ownership.match)) {
        yield* checkRecordId(tool, name, `ownership.match.${name}`)
      }
      return
    case 'knowledge': {
      for (const name of ownership.facts) yield* checkRecordId(tool, name, 'ownership.facts')
      const others = Object.entries(tool.parameters.properties).filter(
        ([name, { source }]) => source === 'model' && !ownership.facts.includes(name),
      )
      if (others.length === 0) {
        yield {
          path: 'ownership.facts',
          message: 'a fact proves a record that another parameter names: there is none',
        }
      }
      return
    }
    case 'api':
      if (tool.authorization === undefined || !context.identityAuthorizations?.has(tool.authorization)) {
        yield {
          path: 'ownership.by',
          message:
            'api can be attested only where the call says whose it is: name an authorization that has "identity": true',
        }
      }
  }
}

/** What names a record, or proves it, is always there and is text or a whole number. */
function* checkRecordId(tool: ToolDefinition, name: string, path: string): Generator<Problem> {
  const parameter = parameterOf(tool, name)
  const isId = parameter?.type === 'string' || parameter?.type === 'integer'
  if (!isId || !isChosen(parameter.source) || !tool.parameters.required.includes(name)) {
    yield {
      path,
      message: `${name} must be a required string or integer parameter that the model fills in`,
    }
  }
}

function* checkLookup({ idempotency, lookup }: ToolDefinition): Generator<Problem> {
  if (idempotency === 'lookup' && lookup === undefined) {
    yield {
      path: 'lookup',
      message:
        'say which read tool tells whether the write was done: {"tool": "find_refund", "found": "refunds[0]"}',
    }
  }
  if (lookup === undefined) return
  if (idempotency !== 'lookup') {
    yield { path: 'lookup', message: 'is for "idempotency": "lookup": say so, or remove it' }
  }
  const problem = selectProblem(lookup.found)
  if (problem !== undefined) yield { path: 'lookup.found', message: problem }
}

function* checkLimits(tool: ToolDefinition): Generator<Problem> {
  const { perCustomerPerDay, amount } = tool.limits
  const perDay = perCustomerPerDay !== undefined || amount?.perCustomerPerDay !== undefined
  // Whoever is not proven cannot be counted.
  if (perDay && tool.identity !== undefined && !atLeast(tool.identity, 'mailbox')) {
    yield { path: 'identity', message: 'must be mailbox or above, because limits count per customer' }
  }
  if (amount === undefined) return
  const parameter = parameterOf(tool, amount.parameter)
  const isNumber = parameter?.type === 'number' || parameter?.type === 'integer'
  if (!isNumber || parameter.source !== 'model' || !tool.parameters.required.includes(amount.parameter)) {
    yield {
      path: 'limits.amount.parameter',
      message: `${amount.parameter} must be a required number or integer parameter that the model fills in`,
    }
  } else if (!((parameter.minimum ?? -1) >= 0)) {
    yield {
      path: `parameters.properties.${amount.parameter}.minimum`,
      message: 'must be 0 or above: an amount below would give back what the day has used up',
    }
  }
  if (amount.perCustomerPerDay !== undefined && amount.perCustomerPerDay < amount.max) {
    yield {
      path: 'limits.amount.perCustomerPerDay',
      message: 'must be at least limits.amount.max, or the largest call could never be made',
    }
  }
}
