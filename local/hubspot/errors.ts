import { randomUUID } from 'node:crypto'
import type { Answered } from '../serve.ts'

/** An answer that arrives. */
export type Answer = Exclude<Answered, string>

/** HubSpot's error body. https://developers.hubspot.com/docs/api-reference/error-handling */
export const failure = (status: number, category: string, message: string, more: object = {}): Answer => ({
  status,
  json: { status: 'error', message, category, correlationId: randomUUID(), ...more },
})
export const notFound = (): Answer => failure(404, 'OBJECT_NOT_FOUND', 'resource not found')
export const invalid = (message: string): Answer => failure(400, 'VALIDATION_ERROR', message)
