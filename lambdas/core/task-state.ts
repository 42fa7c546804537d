/**
 * Which task is under way on a ticket. It stands on the ticket row, under the lease, with the call that started or
 * ended it: a turn that goes on after a crash performs that call again, and it answers the same.
 */
import { atLeast } from '../../schemas/names.ts'
import type { Task } from '../../schemas/task.ts'
import type { TaskMark } from '../../schemas/ticket-row.ts'
import type { Call } from './agent.ts'
import { finishTask, outcomes, startTask } from './built-ins.ts'
import { markTask } from './lease.ts'
import { failure, type Performed, refusal } from './performed.ts'
import { taskText } from './task-text.ts'
import { textField } from './text-field.ts'
import type { Turn } from './turn.ts'

type Seen = Pick<Turn, 'agent' | 'live' | 'lease' | 'message' | 'identity'>

/**
 * The task that is under way for this message: started by the same author, still live, and the message reaches its
 * level. Anything else leaves the mark and gives nothing.
 */
export function taskUnderWay({ agent, live, lease, message, identity }: Seen): Task | undefined {
  const mark = lease.row.task
  if (mark?.state !== 'started' || mark.author !== message.author.id) return undefined
  const task = agent.tasks.get(mark.name)
  if (task === undefined || !live.tasks.has(mark.name)) return undefined
  return atLeast(identity.level, task.identity) ? task : undefined
}

/** Why a tool that exists only within tasks may not be called now; `undefined` where it may. */
export function outsideTask(turn: Seen, tool: string): Performed | undefined {
  const { agent, live } = turn
  if (!agent.taskOnly.has(tool) && !live.taskOnly.has(tool)) return undefined
  if (taskUnderWay(turn)?.tools.includes(tool)) return undefined
  const homes = [...agent.tasks.values()].filter(({ tools }) => tools.includes(tool))
  const names = homes.map(({ name }) => name).join(' or ')
  return refusal(
    'not_allowed',
    names === ''
      ? 'this tool works only within a task, and that task is switched off'
      : `this tool works only within the task ${names}: start it first, if the request is for it`,
  )
}

/**
 * May a proposal of this tool not run any more? It was made within a task that may have ended since, as it should; but
 * one that opens the tool has to be live still, and this message has to reach its level.
 */
export const withoutTask = ({ live, identity }: Pick<Seen, 'live' | 'identity'>, tool: string): boolean =>
  live.taskOnly.has(tool) &&
  ![...live.tasks.values()].some(
    (task) => task.tools.includes(tool) && atLeast(identity.level, task.identity),
  )

/** `start_task` and `finish_task`. Of several in one step the first alone counts, so that a replay ends the same. */
export async function performTaskCall(turn: Turn, call: Call, calls: readonly Call[]): Promise<Performed> {
  const first = calls.find(({ name }) => name === startTask || name === finishTask)
  if (first !== call) return refusal('bad_arguments', 'one start or end of a task in a step')
  return call.name === startTask ? await start(turn, call) : await finish(turn, call, calls.length > 1)
}

async function start(turn: Turn, call: Call): Promise<Performed> {
  const name = textField(call.input, 'name') ?? ''
  const task = turn.agent.tasks.get(name)
  if (task === undefined || !turn.live.tasks.has(name))
    return refusal('bad_arguments', 'there is no such task')
  if (!atLeast(turn.identity.level, task.identity)) {
    return refusal(
      'needs_identity',
      `this task needs identity level ${task.identity}; this message has ${turn.identity.level}`,
    )
  }
  const under = taskUnderWay(turn)
  if (under !== undefined && under.name !== name)
    return failure('not_allowed', `the task ${under.name} is under way: finish_task first`)
  if (under === undefined) await mark(turn, { name, state: 'started', call: call.id })
  return { text: taskText(task) }
}

async function finish(turn: Turn, call: Call, amongOthers: boolean): Promise<Performed> {
  const outcome = outcomes.find((each) => each === textField(call.input, 'outcome'))
  if (outcome === undefined) return refusal('bad_arguments', `outcome: one of ${outcomes.join(', ')}`)
  if (amongOthers)
    return failure('bad_arguments', 'call finish_task alone, after the results of the other calls')
  const before = turn.lease.row.task
  const ended = (name: string): Performed => ({ text: `The task ${name} is ${outcome}.` })
  if (before?.call === call.id && before.state === outcome) return ended(before.name)
  const under = taskUnderWay(turn)
  if (under === undefined) return failure('not_found', 'no task is under way')
  await mark(turn, { name: under.name, state: outcome, call: call.id })
  return ended(under.name)
}

async function mark(turn: Turn, next: Pick<TaskMark, 'name' | 'state' | 'call'>): Promise<void> {
  const { lease, tenant, clock, message, log } = turn
  await markTask(tenant.conversations, lease, { ...next, author: message.author.id, at: clock.now() })
  log.info('task_changed', { code: next.state, task: next.name })
}

/** For the prompt of a turn that goes on with a task. */
export const underWayText = (turn: Seen): string | undefined => {
  const task = taskUnderWay(turn)
  return task && `<task_under_way>\n${taskText(task)}\n</task_under_way>`
}
