/** How a function reaches Claude: what it is told, and why its policy is as it is. What it may is `askClaude`. */
import { Aws } from 'aws-cdk-lib'
import type { DeskhandFunction } from './deskhand-function.ts'
import { bedrockFindings } from './permissions.ts'
import type { Settings } from './settings.ts'
import type { StorageStack } from './storage-stack.ts'

type Choice = Pick<Settings, 'model' | 'bedrockRegion'>

export const claudeVariables = (
  storage: StorageStack,
  { model, bedrockRegion }: Choice,
): Record<string, string> =>
  model === 'bedrock'
    ? { BEDROCK_REGION: bedrockRegion ?? Aws.REGION }
    : { ANTHROPIC_SECRET_ID: storage.anthropicSecret.secretArn }

export function acknowledgeClaude(of: DeskhandFunction, { model, bedrockRegion }: Choice): void {
  if (model !== 'bedrock') return
  for (const finding of bedrockFindings(bedrockRegion))
    of.acknowledge(
      finding,
      'Tenants choose their model at run time, and an inference profile its region: Claude, and no model of anybody else.',
    )
}
