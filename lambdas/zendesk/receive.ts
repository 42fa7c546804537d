import { cloudReceiveRuntime } from '../core/aws/receive-runtime.ts'
import { createReceive } from '../core/receive.ts'
import { inbound } from './inbound.ts'

/** Zendesk's webhooks, `POST /webhooks/zendesk/{connectionId}`. */
export const handler = createReceive(inbound, cloudReceiveRuntime())
