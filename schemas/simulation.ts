import * as z from 'zod'
import { type Assurance, assurance } from './names.ts'

/** Where a made-up customer can write from, by how surely they are known: the first is the default. */
const channelsOf = {
  none: ['social', 'phone'],
  claimed: ['email', 'portal', 'messenger', 'api'],
  mailbox: ['email'],
  signed_in: ['messenger', 'portal'],
  confirmed: ['messenger', 'portal', 'email'],
} as const satisfies Record<Assurance, readonly string[]>
export const simulatedChannel = z.enum(['email', 'portal', 'messenger', 'api', 'social', 'phone'])
export type SimulatedChannel = z.infer<typeof simulatedChannel>

export const defaultChannel = (level: Assurance): SimulatedChannel => channelsOf[level][0]

/** Somebody who is not there: who they say to be, and how surely. */
export const simulatedCustomer = z
  .strictObject({
    email: z.email().optional(),
    name: z.string().min(1).max(100).optional(),
    level: assurance,
    channel: simulatedChannel.optional(),
  })
  .superRefine(({ email, level, channel }, context) => {
    const possible: readonly string[] = channelsOf[level]
    if (channel !== undefined && !possible.includes(channel))
      context.addIssue({
        code: 'custom',
        path: ['channel'],
        message: `nobody is ${level} on ${channel}: use ${possible.join(' or ')}, or another level`,
      })
    if (email === undefined && level !== 'none')
      context.addIssue({ code: 'custom', path: ['email'], message: `${level} needs an address` })
  })
export type SimulatedCustomer = z.infer<typeof simulatedCustomer>

/** What an API is taken to have answered. `when`: only for calls whose arguments hold all of this. */
const recordedAnswer = z
  .strictObject({
    when: z.record(z.string(), z.json()).optional(),
    status: z.number().int().min(200).max(599).default(200),
    /** As the API sends it: what the model sees of it is selected, redacted and checked as ever. */
    body: z.json().optional(),
    /** No answer at all. */
    fails: z.enum(['timeout', 'connect', 'reset']).optional(),
  })
  .refine(({ body, fails }) => fails === undefined || body === undefined, {
    path: ['fails'],
    message: 'what fails has no body',
  })
export type RecordedAnswer = z.infer<typeof recordedAnswer>

/** By name of the tool: one answer, or several of which the first that fits counts. */
const recordedAnswers = z.union([recordedAnswer.transform((one) => [one]), z.array(recordedAnswer).min(1)])

const text = z.string().min(1).max(20_000)

/** One message to be answered as if it had come. */
export const simulationInput = z.strictObject({
  message: text,
  subject: z.string().max(500).default(''),
  customer: simulatedCustomer,
  /** What was written before, oldest first. A human's reply silences the agent, as it does in a helpdesk. */
  history: z
    .array(z.strictObject({ from: z.enum(['customer', 'agent', 'human']), text }))
    .max(50)
    .default([]),
  /** When it comes. Default: now. */
  at: z.iso.datetime().optional(),
  /** Answers of the tenant's APIs: a tool that is named here is never called. */
  toolResults: z.record(z.string(), recordedAnswers).default({}),
  /** `user_info` as the User Data API answers it; `null`: the company does not know this customer. */
  userData: z.union([z.string(), z.record(z.string(), z.json()), z.null()]).optional(),
  /** Nothing is called: what is not recorded fails. */
  offline: z.boolean().default(false),
  /** Can one-time codes be mailed? None is. */
  codes: z.boolean().default(true),
})
export type SimulationInput = z.infer<typeof simulationInput>

const expectation = z.strictObject({
  /** In this order, others may stand between them. */
  calls: z
    .array(
      z
        .strictObject({
          tool: z.string(),
          /** At least these. */
          arguments: z.record(z.string(), z.json()).optional(),
          /** These and no others. */
          exactly: z.record(z.string(), z.json()).optional(),
          outcome: z.enum(['done', 'failed', 'refused', 'ended_turn']).optional(),
        })
        .refine((call) => call.arguments === undefined || call.exactly === undefined, {
          path: ['exactly'],
          message: 'either arguments or exactly',
        }),
    )
    .optional(),
  /** Tools that must not be called. */
  noCalls: z.array(z.string()).optional(),
  /** A text, or several; case does not count. */
  reply: z
    .strictObject({
      contains: z.union([text.transform((one) => [one]), z.array(text)]).optional(),
      notContains: z.union([text.transform((one) => [one]), z.array(text)]).optional(),
    })
    .optional(),
  handedOver: z.boolean().optional(),
  /** Tools of which a write waits for consent. */
  proposals: z.array(z.string()).optional(),
  /** The task that was started. */
  task: z.string().optional(),
})
export type Expectation = z.infer<typeof expectation>

export const simulationCase = simulationInput.extend({
  name: z.string().min(1).max(200),
  expect: expectation.refine((all) => Object.keys(all).length > 0, 'nothing is expected: name something'),
})
export type SimulationCase = z.infer<typeof simulationCase>

/** What `npm run simulate` runs; `docs/acme.simulation.yaml` is one. */
export const simulationFile = z.array(simulationCase).min(1).max(500)
