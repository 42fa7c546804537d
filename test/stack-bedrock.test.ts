/** Claude on Amazon Bedrock in the cloud: who may ask it, for which models, and that nobody pays for it in bytes otherwise. */
import { describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { bedrockClient, bundling } from '../lib/bundling.ts'
import { isAllowed, statementsOf } from './stack-access.ts'
import { type Synthesized, synthesize } from './stack-template.ts'

const answer = 'Deskhand: zendesk/answer'
const profile = (name: string, region = 'eu-central-1', account = '111122223333') =>
  `arn:aws:bedrock:${region}:${account}:inference-profile/${name}`
const foundation = (name: string, region = 'eu-north-1') =>
  `arn:aws:bedrock:${region}::foundation-model/${name}`

function may(stacks: Synthesized, role: string, action: string, resource: string): boolean {
  const found = stacks.all('AWS::IAM::Role').find(({ Properties }) => Properties.Description === role)
  if (found === undefined) throw new Error(`no role is described as ${role}`)
  return isAllowed(stacks, statementsOf(stacks, found.id), action, resource)
}
const environments = (stacks: Synthesized): Record<string, unknown>[] =>
  stacks
    .all('AWS::Lambda::Function')
    .filter(({ Properties }) => /answers tickets/.test(Properties.Description))
    .map(({ Properties }) => Properties.Environment.Variables)

describe('with model=bedrock', () => {
  const stacks = synthesize({ model: 'bedrock', bedrockRegion: 'eu-central-1' })
  const invoke = 'bedrock:InvokeModel'

  test.each([
    profile('global.anthropic.claude-sonnet-5-5'),
    profile('eu.anthropic.claude-haiku-5-5'),
    foundation('anthropic.claude-sonnet-5-5'),
    foundation('anthropic.claude-sonnet-5-5', ''),
  ])('answer may ask %s', (resource) => {
    expect(may(stacks, answer, invoke, resource)).toBe(true)
  })

  test.each([
    profile('global.amazon.nova-2-pro'),
    profile('eu.anthropic.claude-haiku-5-5', 'us-east-1'),
    profile('eu.anthropic.claude-haiku-5-5', 'eu-central-1', '999999999999'),
    foundation('meta.llama4'),
    foundation('evil.anthropic.claude-sonnet-5-5'),
  ])('and not %s', (resource) => {
    expect(may(stacks, answer, invoke, resource)).toBe(false)
  })

  test('it may ask, and do nothing else with Bedrock', () => {
    for (const action of [
      'bedrock:CreateInferenceProfile',
      'bedrock:PutUseCaseForModelAccess',
      'bedrock:InvokeAgent',
    ])
      expect(may(stacks, answer, action, profile('global.anthropic.claude-sonnet-5-5'))).toBe(false)
  })

  test.each([
    'Deskhand: zendesk/receive',
    'Deskhand: sweeper/sweeper',
    'Deskhand: one tenant, by session tag',
  ])('nobody else may ask: %s', (role) => {
    expect(may(stacks, role, invoke, profile('global.anthropic.claude-sonnet-5-5'))).toBe(false)
  })

  test('no function reads Anthropic’s key, or is told of it, and nobody is asked to store one', () => {
    const [secret] = stacks.all('AWS::SecretsManager::Secret')
    expect(may(stacks, answer, 'secretsmanager:GetSecretValue', `<${secret?.id}>`)).toBe(false)
    for (const variables of environments(stacks)) {
      expect(variables).toMatchObject({ BEDROCK_REGION: 'eu-central-1' })
      expect(variables).not.toHaveProperty('ANTHROPIC_SECRET_ID')
    }
    expect(stacks.outputs).not.toHaveProperty('StoreAnthropicKey')
  })

  test('passes cdk-nag, which fails a synthesis, also in the stack’s own region', () => {
    const own = synthesize({ model: 'bedrock' })
    expect(environments(own).map(({ BEDROCK_REGION: region }) => own.text(region))).toContain('eu-west-1')
  })
})

test('without it nobody may ask Bedrock, and answer reads the key', () => {
  const stacks = synthesize()
  expect(JSON.stringify(stacks.templates)).not.toContain('bedrock')
  expect(environments(stacks).every((variables) => 'ANTHROPIC_SECRET_ID' in variables)).toBe(true)
  expect(stacks.outputs).toHaveProperty('StoreAnthropicKey')
})

test.each([{ model: 'openai' }, { model: 'bedrock', bedrockRegion: 'Frankfurt' }])(
  '%j is refused',
  (context) => {
    expect(() => synthesize(context)).toThrow(/model|bedrockRegion/)
  },
)

test('the client of Bedrock is in the bundle only where it is used', async () => {
  const bundle = async (external: string[]) => {
    const built = await build({
      entryPoints: ['lambdas/zendesk/answer.ts'],
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'cjs',
      ...bundling,
      external: [...bundling.external, ...external],
      metafile: true,
      write: false,
      logLevel: 'silent',
    })
    const inputs = Object.values(built.metafile.outputs).flatMap((output) => Object.keys(output.inputs))
    return {
      bytes: built.outputFiles[0]?.contents.byteLength ?? 0,
      holds: inputs.some((path) => path.includes('bedrock-sdk')),
    }
  }
  const [without, with_] = [await bundle([bedrockClient]), await bundle([])]
  expect(without.holds).toBe(false)
  expect(with_.holds).toBe(true)
  expect(with_.bytes - without.bytes).toBeGreaterThan(20_000)
  expect(with_.bytes - without.bytes).toBeLessThan(300_000)
})
