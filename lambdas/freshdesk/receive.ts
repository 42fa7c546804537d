import { cloudReceiveRuntime } from '../core/aws/receive-runtime.ts'
import { createReceive } from '../core/receive.ts'
import { inbound } from './inbound.ts'

/** Freshdesk's webhooks, `POST /webhooks/freshdesk/{connectionId}`. */
export const handler = createReceive(inbound, cloudReceiveRuntime())
