/** What `answer` runs on: its own role reaches the queue, the Anthropic key and the tenant role, nothing else. */
import { SQSClient } from '@aws-sdk/client-sqs'
import { STSClient } from '@aws-sdk/client-sts'
import { tenantId } from '../../../schemas/names.ts'
import { DeskhandError } from '../errors.ts'
import type { AnswerRuntime } from '../ports.ts'
import { type ClaudeAccess, cloudClaude, createClaude } from './claude.ts'
import { createMail } from './mail.ts'
import { openTenant, type TenantOptions } from './open-tenant.ts'
import { createQueue } from './queue.ts'
import { clientConfig, type RuntimeOptions, required, withDefaults } from './runtime-options.ts'
import { perTenant } from './tenant-session.ts'

export interface AnswerRuntimeOptions extends RuntimeOptions, TenantOptions {
  queueUrl: string
  anthropic: ClaudeAccess
  /** The address that one-time codes come from. Without one there are none. */
  codeSender?: string
}

export function answerRuntime(options: AnswerRuntimeOptions): AnswerRuntime {
  const { aws, clock, io, random, log } = withDefaults(options)
  const sts = new STSClient(clientConfig(aws))
  const tenants = perTenant((tenant) => openTenant({ aws, clock, io, random, sts }, options, tenant))

  return {
    clock,
    log,
    queue: createQueue(new SQSClient(clientConfig(aws)), options.queueUrl, io),
    model: createClaude(options.anthropic, { aws, clock, io }),
    ...(options.codeSender === undefined ? {} : { mail: createMail(aws, options.codeSender, io) }),
    async forTenant(tenant) {
      if (!tenantId.safeParse(tenant).success) {
        throw new DeskhandError('bad_configuration', 'a wake-up names something that is not a tenant id')
      }
      return tenants(tenant)
    },
  }
}

/**
 * In Lambda: from CONVERSATIONS_TABLE, CONFIGURATION_TABLE, QUEUE_URL, CONTENT_KEY_ID, TENANT_ROLE_ARN,
 * IDENTITY_KEY_ARN, PUBLIC_URL, and OWN_HOSTS: hosts of ours, with commas, that no configured URL
 * may name. CODE_SENDER may name the address that one-time codes come from.
 */
export function cloudAnswerRuntime(): AnswerRuntime {
  return answerRuntime({
    tableNames: {
      conversations: required('CONVERSATIONS_TABLE'),
      configuration: required('CONFIGURATION_TABLE'),
    },
    queueUrl: required('QUEUE_URL'),
    keyId: required('CONTENT_KEY_ID'),
    roleArn: required('TENANT_ROLE_ARN'),
    anthropic: cloudClaude(),
    identityKeyArn: required('IDENTITY_KEY_ARN'),
    publicUrl: required('PUBLIC_URL'),
    ownHosts: required('OWN_HOSTS').split(','),
    ...(process.env.CODE_SENDER ? { codeSender: process.env.CODE_SENDER } : {}),
  })
}
