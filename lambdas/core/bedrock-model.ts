import { type Account, modelOf, withoutLongWaits } from './claude-model.ts'
import { DeskhandError } from './errors.ts'
import type { Io, Model } from './ports.ts'

/** As the SDK of AWS gives them: asked for each request, because they end. */
export type AwsCredentials = () => Promise<{
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}>

/**
 * Claude on Amazon Bedrock, in the company's own account: the same requests and answers, signed as the role that runs.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
 * The client is loaded when it is first needed: where the deploy chose Anthropic's API it is not even in the bundle.
 * `baseURL` is for test code: no environment variable sets it, nor a credential.
 */
export function createBedrockModel(options: {
  region: string
  credentials: AwsCredentials
  baseURL?: string
  io: Io
}): Model {
  const { region, credentials, io } = options
  const load = async () => {
    const { AnthropicBedrock } = await import('@anthropic-ai/bedrock-sdk/client')
    return new AnthropicBedrock({
      awsRegion: region,
      baseURL: options.baseURL ?? `https://bedrock-runtime.${region}.amazonaws.com`,
      // Null, or a bearer token of the environment would go before the role.
      apiKey: null,
      providerChainResolver: async () => credentials,
      maxRetries: 1,
      openTelemetry: false,
      logLevel: 'off',
      fetch: withoutLongWaits,
    })
  }
  let client: ReturnType<typeof load> | undefined
  return modelOf(() => (client ??= load().catch(notThere)), io, bedrockAccount)
}

const notThere = (cause: unknown): never => {
  throw new DeskhandError(
    'bad_configuration',
    'the client of Amazon Bedrock is not in this bundle: deploy again',
    {
      cause,
    },
  )
}

const bedrockAccount: Account = {
  spend: "Raise the account's quota of Amazon Bedrock.",
  key: "Deploy again: Amazon Bedrock does not take the signature of this function's role.",
  rights:
    "Enable the model in Amazon Bedrock's console, and check that the role's policy and the organization's allow it in every region of its inference profile.",
  model:
    "Choose a model in the tenant's agent settings that Amazon Bedrock has in this region, by its inference profile: global.anthropic.claude-sonnet-5-5.",
}
