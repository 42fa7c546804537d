/** Which of a conversation's parts are public: a part may also be an assignment, an attribute or a rating. */
import { messageTypes } from './inbound.ts'

/** A teammate may say something in public while closing or snoozing; anything else with a text is internal. */
export const publicTypes: readonly string[] = [...messageTypes, 'close', 'snoozed', 'unsnoozed']
