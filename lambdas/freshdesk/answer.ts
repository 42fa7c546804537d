import { createAnswer } from '../core/answer.ts'
import { cloudAnswerRuntime } from '../core/aws/answer-runtime.ts'
import { freshdesk } from './helpdesk.ts'

/** Answers Freshdesk tickets that a wake-up names. */
export const handler = createAnswer(freshdesk, cloudAnswerRuntime())
