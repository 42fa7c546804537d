/** How esbuild bundles every function. The AWS SDK goes in: leaving it to the runtime starts slower. */
export const bundling = {
  target: 'node24',
  mainFields: ['module', 'main'],
  /**
   * Ways to get credentials that a function never takes: its own come from the environment. The SDK loads these
   * modules only after that has failed.
   */
  external: [
    ...['ini', 'sso', 'login', 'process', 'web-identity', 'http'].map(
      (source) => `@aws-sdk/credential-provider-${source}`,
    ),
    '@aws-sdk/credential-providers',
  ],
}

/** Left out as well where Claude is not asked through Amazon Bedrock: it is loaded there alone. */
export const bedrockClient = '@anthropic-ai/bedrock-sdk'
