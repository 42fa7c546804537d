import { readFileSync } from 'node:fs'
import { App, type Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { deskhandApp } from '../lib/deskhand-app.ts'

export interface Resource {
  id: string
  Type: string
  /** Its shape differs by type. */
  Properties: ReturnType<Template['toJSON']>
  DeletionPolicy?: string
  DependsOn?: string[]
}

const cdkJson = JSON.parse(readFileSync(`${import.meta.dirname}/../cdk.json`, 'utf8'))

/** An app with the context of cdk.json, that bundles no function: what a template says does not depend on it. */
export const newApp = (context: Record<string, unknown> = {}): App =>
  new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [], ...context } })

/** Synthesizes both stacks, with what a test asks of them. */
export function synthesize(context: Record<string, unknown> = {}) {
  const app = newApp(context)
  const { storage, deskhand } = deskhandApp(app)
  const templates = [storage, deskhand].map((stack) => Template.fromStack(stack).toJSON())
  const resources: Resource[] = templates.flatMap((template) =>
    Object.entries(template.Resources).map(([id, resource]) => ({
      id,
      ...(resource as Omit<Resource, 'id'>),
    })),
  )
  const outputs: Record<string, { Value: unknown; Export?: { Name: string } }> = Object.assign(
    {},
    ...templates.map((template) => template.Outputs),
  )
  const exported = new Map(Object.values(outputs).map(({ Value, Export }) => [Export?.Name, Value]))

  /** A template's value as one text: pseudo parameters filled in, a resource as `<id.attribute>`. */
  function text(value: unknown): string {
    if (typeof value !== 'object' || value === null) return String(value)
    const [[intrinsic, argument] = []] = Object.entries(value)
    if (intrinsic === 'Ref') return pseudo[argument] ?? `<${argument}>`
    if (intrinsic === 'Fn::GetAtt') return `<${argument.join('.')}>`
    if (intrinsic === 'Fn::ImportValue') return text(exported.get(argument))
    if (intrinsic === 'Fn::Join') return argument[1].map(text).join(argument[0])
    throw new Error(`cannot read ${JSON.stringify(value)}`)
  }

  return {
    app,
    storage,
    deskhand,
    templates,
    outputs,
    text,
    all: (type: string) => resources.filter((resource) => resource.Type === type),
    /** What a construct's attribute is in a template, as `text` gives it. */
    attribute: (stack: Stack, token: string) => text(stack.resolve(token)),
  }
}
export type Synthesized = ReturnType<typeof synthesize>

const pseudo: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-west-1',
  'AWS::AccountId': '111122223333',
}
