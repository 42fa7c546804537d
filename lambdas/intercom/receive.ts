import { cloudReceiveRuntime } from '../core/aws/receive-runtime.ts'
import { createReceive } from '../core/receive.ts'
import { inbound } from './inbound.ts'

/** Intercom's webhooks, `POST /webhooks/intercom/{connectionId}`. */
export const handler = createReceive(inbound, cloudReceiveRuntime())
