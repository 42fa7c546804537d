/** Claude, by the one of two ways that the deploy chose: Anthropic's API with a stored key, or Amazon Bedrock by a role. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { STSClient } from '@aws-sdk/client-sts'
import * as z from 'zod'
import { createBedrockModel } from '../bedrock-model.ts'
import { createModel } from '../claude-model.ts'
import { DeskhandError } from '../errors.ts'
import type { Clock, Io, Model } from '../ports.ts'
import { type AwsOptions, clientConfig, required } from './runtime-options.ts'
import { secretText } from './secrets.ts'

/** `baseURL` is for local and test code. */
export type ClaudeAccess = ({ apiKey: string } | { secretId: string } | { bedrockRegion: string }) & {
  baseURL?: string
}

/** In Lambda: from BEDROCK_REGION where the deploy chose Bedrock, else from ANTHROPIC_SECRET_ID. */
export const cloudClaude = (): ClaudeAccess =>
  process.env.BEDROCK_REGION
    ? { bedrockRegion: process.env.BEDROCK_REGION }
    : { secretId: required('ANTHROPIC_SECRET_ID') }

export function createClaude(
  access: ClaudeAccess,
  { aws, clock, io }: { aws: AwsOptions; clock: Clock; io: Io },
): Model {
  const at = access.baseURL === undefined ? { io } : { io, baseURL: access.baseURL }
  if ('bedrockRegion' in access) {
    // The function's own credentials, as every client of the SDK finds them.
    const { credentials } = new STSClient(clientConfig(aws)).config
    return createBedrockModel({ ...at, region: access.bedrockRegion, credentials: () => credentials() })
  }
  if ('apiKey' in access) return createModel({ ...at, apiKey: async () => access.apiKey })
  const client = new SecretsManagerClient(clientConfig(aws))
  const id = access.secretId
  return createModel({
    ...at,
    apiKey: async () => keyFrom(id, await secretText({ client, id, port: 'secrets.anthropic', clock, io })),
  })
}

const wrapped = z.object({ value: z.string().min(1) })

/** The secret holds the key by itself or as `{"value": "..."}`. */
function keyFrom(secretId: string, text: string | undefined): string {
  const key = text?.trim().startsWith('{') ? wrappedKey(text) : text?.trim()
  if (key) return key
  throw new DeskhandError(
    'bad_configuration',
    `the secret ${secretId} holds no Anthropic API key. Store one: aws secretsmanager put-secret-value ` +
      `--secret-id ${secretId} --secret-string file://key.txt`,
  )
}

function wrappedKey(text: string): string | undefined {
  try {
    return wrapped.safeParse(JSON.parse(text)).data?.value
  } catch {
    return undefined
  }
}
