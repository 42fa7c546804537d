import { cloudReceiveRuntime } from '../core/aws/receive-runtime.ts'
import { createReceive } from '../core/receive.ts'
import { inbound } from './inbound.ts'

/** HubSpot's webhooks, `POST /webhooks/hubspot/{connectionId}`. */
export const handler = createReceive(inbound, cloudReceiveRuntime())
