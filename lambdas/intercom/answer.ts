import { createAnswer } from '../core/answer.ts'
import { cloudAnswerRuntime } from '../core/aws/answer-runtime.ts'
import { intercom } from './helpdesk.ts'

/** Answers Intercom conversations that a wake-up names. */
export const handler = createAnswer(intercom, cloudAnswerRuntime())
