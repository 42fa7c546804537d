import * as z from 'zod'
import { fixedLanguages } from './consent.ts'

/** `ada@acme.com` is that address, `@acme.com` every address of that domain alone. No pattern. */
const sender = z
  .string()
  .toLowerCase()
  .regex(
    /^[a-z0-9!#$%&'+/=?^_`{|}~.-]*@([a-z0-9-]+\.)+[a-z0-9-]+$/,
    'an address (ada@acme.com) or a domain (@acme.com)',
  )
/** Words as a person would write them. Case, accents and punctuation do not count; there is no pattern syntax. */
const phrase = z
  .string()
  .max(100)
  .regex(/[\p{L}\p{N}]/u, 'at least one letter or digit')

/** One case in which a human answers, whatever the model thinks. */
const handOverRule = z.strictObject({
  /** Stands in the note and the log. */
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,47}$/, '1 to 48 lower-case letters, digits, _ or -'),
  /** Any of these, as whole words, in the subject or the newest message. */
  phrases: z.array(phrase).min(1).max(100),
})
export type HandOverRule = z.infer<typeof handOverRule>

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'hh:mm, 00:00 to 24:00')
const openFor = z
  .strictObject({ from: time, to: time })
  .refine(({ from, to }) => from < to, '`to` must be after `from`: write a night as two days')
export const weekdays = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const
export type Weekday = (typeof weekdays)[number]
const hours = z.array(openFor).max(4).optional()
/** When humans are there, in the agent's time zone. A day that is not named is free. */
const businessHours = z.strictObject({
  monday: hours,
  tuesday: hours,
  wednesday: hours,
  thursday: hours,
  friday: hours,
  saturday: hours,
  sunday: hours,
  /** Days on which nobody is there, `2026-12-25`. */
  closedOn: z.array(z.iso.date()).max(366).default([]),
})
export type BusinessHours = z.infer<typeof businessHours>

/** US dollars for a million tokens. */
export const modelPrice = z.strictObject({
  input: z.number().min(0).max(1000),
  output: z.number().min(0).max(1000),
  cacheRead: z.number().min(0).max(1000),
  cacheWrite: z.number().min(0).max(1000),
})
export type ModelPrice = z.infer<typeof modelPrice>

function isLanguage(tag: string): boolean {
  try {
    return new Intl.DisplayNames('en', { type: 'language', fallback: 'none' }).of(tag) !== undefined
  } catch {
    return false
  }
}

/** What a tenant's agent may answer, and when a human does. Part of `agentSettings`. */
export const agentRules = {
  /** More guidance, each for one topic. */
  topics: z
    .array(z.strictObject({ topic: z.string().min(1).max(100), guidance: z.string().min(1).max(5000) }))
    .max(50)
    .default([]),
  /** Messages in other languages are handed over. Empty: every language is answered. */
  languages: z
    .array(z.string().refine(isLanguage, 'a language, for example en, de or pt-BR'))
    .max(50)
    .default([]),
  /** Answers what opens a ticket; what the customer writes after an answer is a human's. */
  firstMessageOnly: z.boolean().default(false),
  /** Never answered and never shown to the model. */
  blocked: z
    .strictObject({
      senders: z.array(sender).max(500).default([]),
      /** Any of these, as whole words, in the subject. */
      subjects: z.array(phrase).max(200).default([]),
    })
    .default({ senders: [], subjects: [] }),
  /** When the model is to hand over, in the tenant's words. */
  handOverGuidance: z.string().max(5000).default(''),
  /** What the customer is told when a human takes over, by language; none: nothing. Nothing is filled in. */
  handOverText: z.partialRecord(z.enum(fixedLanguages), z.string().min(3).max(1000)).default({}),
  /** When code hands over, before the model is asked. */
  handOverRules: z.array(handOverRule).max(50).default([]),
  businessHours: businessHours.optional(),
  /** Most that one turn may cost, US dollars; beyond it the ticket is handed over. */
  costBudget: z.number().positive().max(100).optional(),
  /** What the model costs, where it is not in the table of prices or costs the tenant something else. */
  price: modelPrice.optional(),
  /** Keeps content (customer data, arguments, results, the text of replies) in the trace, too. */
  traceContent: z.boolean().default(false),
} as const
