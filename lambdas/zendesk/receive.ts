import { createReceive } from '../core/receive.ts'
import { cloudReceiveRuntime } from '../core/receive-runtime.ts'
import { inbound } from './inbound.ts'

/** Zendesk's webhooks, `POST /webhooks/zendesk/{connectionId}`. */
export const handler = createReceive(inbound, cloudReceiveRuntime())
