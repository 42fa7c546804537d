import type { Synthesized } from './stack-template.ts'

export interface Statement {
  Effect: 'Allow' | 'Deny'
  Action: string | string[]
  Resource?: unknown
  Principal?: { AWS?: unknown }
  Condition?: Record<string, Record<string, unknown>>
}
/** Condition keys of one request. A key that is not there is not in the request. */
export type Request = Record<string, string | string[]>

/** A request of a session for the tenant acme. */
export const acme = (request: Request): Request => ({ 'aws:PrincipalTag/tenant': 'acme', ...request })
export const keys = (...leading: string[]): Request => ({ 'dynamodb:LeadingKeys': leading })
export const secret = (name: string): string =>
  `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${name}-a1B2c3`

/** Every way to reach rows of a table. */
export const tableActions = [
  'BatchGetItem',
  'BatchWriteItem',
  'ConditionCheckItem',
  'DeleteItem',
  'GetItem',
  'PartiQLDelete',
  'PartiQLInsert',
  'PartiQLSelect',
  'PartiQLUpdate',
  'PutItem',
  'Query',
  'Scan',
  'UpdateItem',
].map((name) => `dynamodb:${name}`)

/** Everything a role's policies say. */
export const statementsOf = (stacks: Synthesized, roleId: string): Statement[] =>
  stacks
    .all('AWS::IAM::Policy')
    .filter(({ Properties }) => Properties.Roles.some((role: { Ref: string }) => role.Ref === roleId))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)

/**
 * Would IAM allow it? The part of IAM's evaluation that our policies use: it throws on what it does not know.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export const isAllowed = (
  stacks: Synthesized,
  statements: Statement[],
  action: string,
  resource: string,
  request: Request = {},
): boolean =>
  statements.some((statement) => {
    if (statement.Effect !== 'Allow') throw new Error('a Deny is not evaluated here')
    return (
      [statement.Action].flat().some((one) => glob(one, request).test(action)) &&
      [statement.Resource ?? []].flat().some((one) => glob(stacks.text(one), request).test(resource)) &&
      conditionsHold(stacks, statement, request)
    )
  })

/** Do the conditions of a statement hold for a request? */
export const conditionsHold = (
  stacks: Synthesized,
  { Condition = {} }: Statement,
  request: Request,
): boolean =>
  Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => {
      const values = request[key] === undefined ? [] : [request[key]].flat()
      const patterns = [wanted].flat().map((one) => stacks.text(one))
      const matches = (value: string) => patterns.some((pattern) => glob(pattern, request).test(value))
      switch (operator) {
        case 'Null':
          return patterns[0] === String(values.length === 0)
        case 'ForAllValues:StringLike':
        case 'ForAllValues:StringEquals':
          return values.every(matches)
        case 'StringLike':
        case 'StringEquals':
          return values.length > 0 && values.every(matches)
        case 'StringEqualsIfExists':
          return values.every(matches)
        default:
          throw new Error(`${operator} is not evaluated here`)
      }
    }),
  )

/** A pattern of IAM: `*`, `?`, and variables, which are literal and match nothing when they are not in the request. */
const glob = (pattern: string, request: Request): RegExp =>
  new RegExp(
    `^${pattern
      .split(/(\$\{[^}]+\}|\*|\?)/)
      .map((part) => {
        if (part === '*') return '.*'
        if (part === '?') return '.'
        if (!part.startsWith('${')) return RegExp.escape(part)
        const value = request[part.slice(2, -1)]
        return typeof value === 'string' ? RegExp.escape(value) : '(?!)'
      })
      .join('')}$`,
    's',
  )
