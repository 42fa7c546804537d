import * as z from 'zod'

/** Why a human gets a ticket, where code decides it. A tenant's own rule is `rule:<name>`. */
export const handOverReasons = [
  'agent_asked',
  'refusal',
  'max_tokens',
  'context_exceeded',
  'too_many_calls',
  'repeated_calls',
  'refused_calls',
  'token_budget',
  'money_budget',
  'model_refused_request',
  'unknown_outcome',
  'reply_refused',
  'loop_brake',
  'too_late',
  'too_many_attempts',
  'audience_changed',
  'identity_dropped',
  'unproven_limit',
  'suspicious_sender',
  'send_failed',
  'first_message_only',
  'not_alone',
] as const
export type HandOverReason = (typeof handOverReasons)[number]

const known: ReadonlySet<string> = new Set(handOverReasons)
const rule = /^rule:[a-z][a-z0-9_-]{0,47}$/

/** The rule that a key of `handOverTeams` names; `undefined` for every other reason. */
export const ruleOf = (reason: string): string | undefined =>
  rule.test(reason) ? reason.slice('rule:'.length) : undefined

/** Reason -> the team, on this helpdesk, that gets what is handed over for it. */
export const handOverTeams = (team: z.ZodType<string>) =>
  z
    .record(z.string(), team)
    .superRefine((teams, context) => {
      for (const reason of Object.keys(teams)) {
        if (known.has(reason) || ruleOf(reason) !== undefined) continue
        const message = `is no reason: use rule:<name of a rule>, or one of ${handOverReasons.join(', ')}`
        context.addIssue({ code: 'custom', path: [reason], message })
      }
    })
    .default({})
