import { createAnswer } from '../core/answer.ts'
import { cloudAnswerRuntime } from '../core/aws/answer-runtime.ts'
import { hubspot } from './helpdesk.ts'

/** Answers HubSpot tickets that a wake-up names. */
export const handler = createAnswer(hubspot, cloudAnswerRuntime())
