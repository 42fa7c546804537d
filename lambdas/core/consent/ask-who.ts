/** A tool needs to know more surely who writes: a one-time code is asked for, where one can be. */

import { isNoteMode } from '../note.ts'
import { failure, type Performed, refusal } from '../performed.ts'
import type { Tool } from '../tools/check-tool.ts'
import type { Turn } from '../turn.ts'
import { languageOfCustomer } from './propose.ts'
import { canAskForCode, sendCode } from './send-code.ts'

/** What the model is told is the same whether or not a mail went out. */
export async function askWhoItIs(turn: Turn, tool: Tool): Promise<Performed> {
  const level = `this needs identity level ${tool.identity}; this message has ${turn.identity.level}`
  if (isNoteMode(turn.connection) || !canAskForCode(turn)) return refusal('needs_identity', level)
  const asked = await sendCode(turn, languageOfCustomer(turn), undefined)
  return asked === 'asked'
    ? failure(
        'needs_identity',
        `${level}. Below your answer the customer is asked for a one-time code. Say in one sentence that we have to be sure who they are first; do not say whether a code was sent, disclose and promise nothing, do not call the tool again in this turn`,
      )
    : refusal('needs_identity', `${level}. No more one-time codes can be sent; hand over`)
}
