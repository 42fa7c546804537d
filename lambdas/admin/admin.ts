import { cloudAdminRuntime } from '../core/aws/admin-runtime.ts'
import { helpdesks } from '../helpdesks.ts'
import { createAdmin } from './create-admin.ts'

/** Answers calls of the admin API. */
export const handler = createAdmin({ runtime: cloudAdminRuntime(), helpdesks })
