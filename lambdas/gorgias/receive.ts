import { cloudReceiveRuntime } from '../core/aws/receive-runtime.ts'
import { createReceive } from '../core/receive.ts'
import { inbound } from './inbound.ts'

/** Gorgias's webhooks, `POST /webhooks/gorgias/{connectionId}`. */
export const handler = createReceive(inbound, cloudReceiveRuntime())
