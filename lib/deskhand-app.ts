import { type App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { DeskhandStack } from './deskhand-stack.ts'
import { StorageStack } from './storage-stack.ts'

/** Puts Deskhand into `app`, for whatever account and region it is deployed to. Synthesis fails on a finding of cdk-nag. */
export function deskhandApp(app: App): { storage: StorageStack; deskhand: DeskhandStack } {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  const storage = new StorageStack(app, 'DeskhandStorage')
  return { storage, deskhand: new DeskhandStack(app, 'Deskhand', storage) }
}
