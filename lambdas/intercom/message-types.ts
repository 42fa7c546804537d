/** Which of a conversation's parts are messages: a part may also be an assignment, an attribute or a rating. */

/** Parts by which somebody says something in public. `open` reopens the conversation, mostly with a comment. */
export const messageTypes: readonly string[] = ['comment', 'quick_reply', 'open']

/** A teammate may say something in public while closing or snoozing; anything else with a text is internal. */
export const publicTypes: readonly string[] = [...messageTypes, 'close', 'snoozed', 'unsnoozed']
