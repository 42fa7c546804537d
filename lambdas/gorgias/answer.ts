import { createAnswer } from '../core/answer.ts'
import { cloudAnswerRuntime } from '../core/aws/answer-runtime.ts'
import { gorgias } from './helpdesk.ts'

/** Answers Gorgias tickets that a wake-up names. */
export const handler = createAnswer(gorgias, cloudAnswerRuntime())
