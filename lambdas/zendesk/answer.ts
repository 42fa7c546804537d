import { createAnswer } from '../core/answer.ts'
import { cloudAnswerRuntime } from '../core/aws/answer-runtime.ts'
import { zendesk } from './helpdesk.ts'

/** Answers Zendesk tickets that a wake-up names. */
export const handler = createAnswer(zendesk, cloudAnswerRuntime())
