import { describe, expect, test } from '@jest/globals'
import { helpdeskNames } from '../schemas/names.ts'
import {
  acme,
  conditionsHold,
  isAllowed,
  keys,
  type Request,
  type Statement,
  secret,
  statementsOf,
  tableActions,
} from './stack-access.ts'
import { synthesize } from './stack-template.ts'

const stacks = synthesize()
const { storage } = stacks
const conversations = stacks.attribute(storage, storage.conversations.tableArn)
const configuration = stacks.attribute(storage, storage.configuration.tableArn)
const contentKey = stacks.attribute(storage, storage.contentKey.keyArn)
const secretsKey = stacks.attribute(storage, storage.secretsKey.keyArn)
const tablesKey = stacks.attribute(storage, storage.tablesKey.keyArn)
const anthropicSecret = stacks.attribute(storage, storage.anthropicSecret.secretArn)
const index = `${conversations}/index/due`

const identityKey = stacks
  .all('AWS::KMS::Key')
  .filter(({ Properties }) => Properties.KeyUsage === 'SIGN_VERIFY')
  .map(({ id }) => `<${id}.Arn>`)[0] as string

const roleWhere = (description: string) => {
  const found = stacks.all('AWS::IAM::Role').find(({ Properties }) => Properties.Description === description)
  if (found === undefined) throw new Error(`no role is described as ${description}`)
  return found
}
const tenantRole = roleWhere('Deskhand: one tenant, by session tag')
const roles = {
  receive: roleWhere('Deskhand: zendesk/receive').id,
  answer: roleWhere('Deskhand: zendesk/answer').id,
  publicKeys: roleWhere('Deskhand: public-keys/public-keys').id,
  sweeper: roleWhere('Deskhand: sweeper/sweeper').id,
  admin: roleWhere('Deskhand: admin/admin').id,
  tenantAdmin: roleWhere('Deskhand: one tenant, by session tag, for its admins').id,
  tenant: tenantRole.id,
  jobs: roleWhere('Deskhand: jobs/jobs').id,
  tenantJob: roleWhere('Deskhand: one tenant, to export or erase, by session tag').id,
}
type RoleName = keyof typeof roles
const may = (role: RoleName, action: string, resource: string, request?: Request) =>
  isAllowed(stacks, statementsOf(stacks, roles[role]), action, resource, request)

/** What a role may do on a table with these leading keys. */
const onTable = (role: RoleName, table: string, request: Request) =>
  tableActions.filter((action) => may(role, action, table, request)).map((action) => action.slice(9))

describe('a tenant session', () => {
  test("works on its own tenant's conversations, and deletes nothing", () => {
    expect(onTable('tenant', conversations, acme(keys('T#acme#ticket#acme.x#1')))).toEqual([
      'BatchGetItem',
      'GetItem',
      'PutItem',
      'Query',
      'UpdateItem',
    ])
  })

  test.each([
    ['another tenant', keys('T#globex#ticket#x')],
    ['a tenant whose id begins with its own', keys('T#acme2#ticket#x')],
    ['its own and another tenant in one batch', keys('T#acme#ticket#x', 'T#globex#ticket#x')],
    ['no key at all, as in a Scan', {}],
  ])('reaches no row of %s', (_whose, request) => {
    expect(onTable('tenant', conversations, acme(request))).toEqual([])
    expect(onTable('tenant', configuration, acme(request))).toEqual([])
  })

  test('without its tag reaches nothing', () => {
    expect(onTable('tenant', conversations, keys('T#acme#ticket#x', 'T##ticket#x'))).toEqual([])
    expect(onTable('tenant', conversations, keys('T##ticket#x'))).toEqual([])
  })

  test('reads configuration, and writes none of it but its data key', () => {
    expect(onTable('tenant', configuration, acme(keys('T#acme#config#tool#refund')))).toEqual([
      'BatchGetItem',
      'GetItem',
      'Query',
    ])
    expect(onTable('tenant', configuration, acme(keys('T#acme#key')))).toContain('PutItem')
    expect(onTable('tenant', configuration, acme(keys('T#acme#keys')))).not.toContain('PutItem')
  })

  test('reads outbound secrets that lie under its path and carry its tag', () => {
    const read = (name: string, tag?: string) =>
      may(
        'tenant',
        'secretsmanager:GetSecretValue',
        secret(name),
        acme(tag === undefined ? {} : { 'secretsmanager:ResourceTag/tenant': tag }),
      )
    expect(read('deskhand/acme/outbound/shop', 'acme')).toBe(true)
    expect(read('deskhand/acme/outbound/shop')).toBe(false)
    expect(read('deskhand/acme/outbound/shop', 'globex')).toBe(false)
    expect(read('deskhand/globex/outbound/shop', 'acme')).toBe(false)
    expect(read('deskhand/acme2/outbound/shop', 'acme')).toBe(false)
    expect(read('deskhand/acme/inbound/zendesk', 'acme')).toBe(false)
  })

  test('makes and opens data keys with its tenant as encryption context, and no other', () => {
    const use = (context: Request) => may('tenant', 'kms:Decrypt', contentKey, acme(context))
    expect(use({ 'kms:EncryptionContext:tenant': 'acme' })).toBe(true)
    expect(use({ 'kms:EncryptionContext:tenant': 'globex' })).toBe(false)
    expect(use({})).toBe(false)
    expect(
      may('tenant', 'kms:GenerateDataKey', contentKey, acme({ 'kms:EncryptionContext:tenant': 'globex' })),
    ).toBe(false)
  })

  test('opens the secrets key only through Secrets Manager, for its own outbound secrets', () => {
    const open = (service: string, name: string) =>
      may(
        'tenant',
        'kms:Decrypt',
        secretsKey,
        acme({
          'kms:ViaService': `${service}.eu-west-1.amazonaws.com`,
          'kms:EncryptionContext:SecretARN': secret(name),
        }),
      )
    expect(open('secretsmanager', 'deskhand/acme/outbound/shop')).toBe(true)
    expect(open('secretsmanager', 'deskhand/globex/outbound/shop')).toBe(false)
    expect(open('dynamodb', 'deskhand/acme/outbound/shop')).toBe(false)
    expect(may('tenant', 'kms:Decrypt', secretsKey, acme({}))).toBe(false)
  })
})

describe('refresh tokens', () => {
  const writes = ['PutSecretValue', 'CreateSecret', 'UpdateSecret', 'DeleteSecret', 'TagResource'].map(
    (name) => `secretsmanager:${name}`,
  )
  const write = (role: RoleName, name: string, tag?: string) =>
    writes.filter((action) =>
      may(
        role,
        action,
        secret(name),
        acme(tag === undefined ? {} : { 'secretsmanager:ResourceTag/tenant': tag }),
      ),
    )

  test("are overwritten by their own tenant's session, which makes, tags and deletes none", () => {
    expect(write('tenant', 'deskhand/acme/outbound/grant-shop', 'acme')).toEqual([
      'secretsmanager:PutSecretValue',
    ])
  })

  test.each<[string, string, string | undefined]>([
    ["another tenant's", 'deskhand/globex/outbound/grant-shop', 'acme'],
    ["one tagged as another tenant's", 'deskhand/acme/outbound/grant-shop', 'globex'],
    ['one without a tag', 'deskhand/acme/outbound/grant-shop', undefined],
    ['a tenant whose id begins alike', 'deskhand/acme2/outbound/grant-shop', 'acme'],
    ['a credential that an admin entered', 'deskhand/acme/outbound/shop', 'acme'],
    ['a webhook secret', 'deskhand/acme/inbound/grant-shop', 'acme'],
  ])('and nothing else: not %s', (_, name, tag) => {
    expect(write('tenant', name, tag)).toEqual([])
  })

  test('are written by no other role', () => {
    for (const role of ['receive', 'answer', 'publicKeys', 'sweeper', 'admin'] as const)
      expect(write(role, 'deskhand/acme/outbound/grant-shop', 'acme')).toEqual([])
  })

  test('are encrypted by the secrets key through Secrets Manager alone, for themselves alone', () => {
    const encrypt = (service: string, name: string) =>
      may(
        'tenant',
        'kms:GenerateDataKey',
        secretsKey,
        acme({
          'kms:ViaService': `${service}.eu-west-1.amazonaws.com`,
          'kms:EncryptionContext:SecretARN': secret(name),
        }),
      )
    expect(encrypt('secretsmanager', 'deskhand/acme/outbound/grant-shop')).toBe(true)
    expect(encrypt('secretsmanager', 'deskhand/acme/outbound/shop')).toBe(false)
    expect(encrypt('secretsmanager', 'deskhand/globex/outbound/grant-shop')).toBe(false)
    expect(encrypt('dynamodb', 'deskhand/acme/outbound/grant-shop')).toBe(false)
  })
})

describe('the key that signs Deskhand-Identity', () => {
  const actions = ['Sign', 'GetPublicKey', 'Verify', 'CreateGrant', 'PutKeyPolicy'].map(
    (name) => `kms:${name}`,
  )
  const on = (role: RoleName, request: Request = { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' }) =>
    actions.filter((action) => may(role, action, identityKey, acme(request)))

  test("signs for a tenant's session, by one algorithm, and for nobody else", () => {
    expect(on('tenant')).toEqual(['kms:Sign'])
    expect(on('tenant', { 'kms:SigningAlgorithm': 'ECDSA_SHA_512' })).toEqual([])
    for (const role of ['receive', 'answer', 'sweeper', 'admin'] as const) expect(on(role)).toEqual([])
  })

  test('shows its public half to the function that serves it, which reaches nothing else', () => {
    expect(on('publicKeys')).toEqual(['kms:GetPublicKey'])
    for (const table of [conversations, configuration, index])
      expect(onTable('publicKeys', table, acme(keys('T#acme#ticket#x')))).toEqual([])
    for (const key of [contentKey, secretsKey, tablesKey])
      for (const action of [...actions, 'kms:Decrypt', 'kms:GenerateDataKey'])
        expect(may('publicKeys', action, key, acme({ 'kms:EncryptionContext:tenant': 'acme' }))).toBe(false)
    expect(may('publicKeys', 'secretsmanager:GetSecretValue', anthropicSecret)).toBe(false)
    expect(may('publicKeys', 'sts:AssumeRole', `<${roles.tenant}.Arn>`)).toBe(false)
  })
})

describe('the tenant role', () => {
  const trust: Statement[] = tenantRole.Properties.AssumeRolePolicyDocument.Statement
  const tagged = (request: Request) => trust.some((statement) => conditionsHold(stacks, statement, request))

  test('trusts the answer functions and nobody else', () => {
    const answerRoles = helpdeskNames.map((name) => `<${roleWhere(`Deskhand: ${name}/answer`).id}.Arn>`)
    const trusted = trust.flatMap(({ Principal }) => [Principal?.AWS].flat().map(stacks.text))
    expect(new Set(trusted)).toEqual(new Set(answerRoles))
    // CDK may put several principals into one statement.
    for (const { Action } of trust) expect(Action).toEqual(['sts:AssumeRole', 'sts:TagSession'])
  })

  test('is assumed with exactly one tag, the tenant', () => {
    expect(tagged({ 'aws:RequestTag/tenant': 'acme', 'aws:TagKeys': ['tenant'] })).toBe(true)
    expect(tagged({})).toBe(false)
    expect(tagged({ 'aws:RequestTag/tenant': '', 'aws:TagKeys': ['tenant'] })).toBe(false)
    expect(
      tagged({
        'aws:RequestTag/tenant': 'acme',
        'aws:RequestTag/admin': 'yes',
        'aws:TagKeys': ['tenant', 'admin'],
      }),
    ).toBe(false)
  })

  test('is assumed by answer only', () => {
    const arn = `<${roles.tenant}.Arn>`
    expect(may('answer', 'sts:AssumeRole', arn)).toBe(true)
    expect(may('receive', 'sts:AssumeRole', arn)).toBe(false)
    expect(may('sweeper', 'sts:AssumeRole', arn)).toBe(false)
    expect(may('tenant', 'sts:AssumeRole', arn)).toBe(false)
  })
})

describe('answer by itself', () => {
  test('reaches no table, no index, no data key and no secret of a tenant', () => {
    const request = acme({
      ...keys('T#acme#ticket#x'),
      'secretsmanager:ResourceTag/tenant': 'acme',
      'kms:EncryptionContext:tenant': 'acme',
    })
    for (const table of [conversations, configuration, index]) {
      expect(onTable('answer', table, request)).toEqual([])
    }
    for (const name of ['deskhand/acme/outbound/shop', 'deskhand/acme/inbound/zendesk']) {
      expect(may('answer', 'secretsmanager:GetSecretValue', secret(name), request)).toBe(false)
    }
    expect(may('answer', 'kms:Decrypt', contentKey, request)).toBe(false)
    expect(may('answer', 'kms:Decrypt', tablesKey, request)).toBe(false)
  })

  test('reads the Anthropic key, as the admin API does to simulate, and nobody else', () => {
    const readers = (Object.keys(roles) as RoleName[]).filter((role) =>
      may(
        role,
        'secretsmanager:GetSecretValue',
        anthropicSecret,
        acme({ 'secretsmanager:ResourceTag/tenant': 'acme' }),
      ),
    )
    expect(readers).toEqual(['answer', 'admin'])
  })
})

describe('receive', () => {
  test('finds releases and connections, and no other configuration', () => {
    for (const pk of ['T#acme#release', 'T#acme#config#connection#acme.x']) {
      expect(onTable('receive', configuration, keys(pk))).toEqual(['BatchGetItem', 'Query'])
    }
    for (const pk of ['T#acme#config#tool#refund', 'T#acme#config#authorization#shop', 'T#acme#key']) {
      expect(onTable('receive', configuration, keys(pk))).toEqual([])
    }
    expect(onTable('receive', configuration, {})).toEqual([])
  })

  test('rings tickets, and cannot list or write anything else', () => {
    expect(onTable('receive', conversations, keys('T#acme#ticket#acme.x#1'))).toEqual([
      'GetItem',
      'UpdateItem',
    ])
    expect(onTable('receive', conversations, keys('T#acme#other'))).toEqual([])
    expect(onTable('receive', conversations, {})).toEqual([])
  })

  test('reads inbound secrets, and neither outbound ones nor the content key', () => {
    const read = (name: string) =>
      may('receive', 'secretsmanager:GetSecretValue', secret(name), {
        'secretsmanager:ResourceTag/tenant': 'acme',
      })
    expect(read('deskhand/acme/inbound/zendesk')).toBe(true)
    expect(read('deskhand/acme/outbound/shop')).toBe(false)
    expect(
      may('receive', 'kms:Decrypt', secretsKey, {
        'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com',
        'kms:EncryptionContext:SecretARN': secret('deskhand/acme/outbound/shop'),
      }),
    ).toBe(false)
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey']) {
      expect(may('receive', action, contentKey, { 'kms:EncryptionContext:tenant': 'acme' })).toBe(false)
    }
  })
})

describe('jobs', () => {
  const own = acme(keys('T#acme#ticket#acme.x#1'))
  const scan = (attributes: string[] | undefined, select?: string): Request => ({
    ...(attributes === undefined ? {} : { 'dynamodb:Attributes': attributes }),
    ...(select === undefined ? {} : { 'dynamodb:Select': select }),
  })

  test('alone may scan, for keys and nothing else of a row', () => {
    for (const table of [conversations, configuration]) {
      const scanners = (Object.keys(roles) as RoleName[]).filter((role) =>
        may(role, 'dynamodb:Scan', table, acme({ ...own, ...scan(['pk', 'sk'], 'SPECIFIC_ATTRIBUTES') })),
      )
      expect(scanners).toEqual(['jobs'])
      for (const request of [
        scan(['pk', 'sk', 'content'], 'SPECIFIC_ATTRIBUTES'),
        scan(['pk', 'sk'], 'ALL_ATTRIBUTES'),
        scan(undefined, 'SPECIFIC_ATTRIBUTES'),
        scan(undefined, 'COUNT'),
        scan(['pk', 'sk']),
        {},
      ])
        expect(may('jobs', 'dynamodb:Scan', table, request)).toBe(false)
    }
    expect(may('jobs', 'dynamodb:Scan', index, scan(['pk', 'sk'], 'SPECIFIC_ATTRIBUTES'))).toBe(false)
  })

  test('by itself reads, writes and deletes no row, opens nothing and reads no secret', () => {
    for (const table of [conversations, configuration]) expect(onTable('jobs', table, own)).toEqual([])
    expect(may('jobs', 'kms:Decrypt', contentKey, acme({ 'kms:EncryptionContext:tenant': 'acme' }))).toBe(
      false,
    )
    for (const action of ['GetSecretValue', 'DeleteSecret', 'PutSecretValue'])
      expect(may('jobs', `secretsmanager:${action}`, secret('deskhand/acme/outbound/shop'), own)).toBe(false)
    expect(may('jobs', 'sts:AssumeRole', `<${roles.tenant}.Arn>`)).toBe(false)
  })

  test('for a tenant deletes its rows alone, and is the only role that deletes', () => {
    for (const table of [conversations, configuration]) {
      const deleters = (Object.keys(roles) as RoleName[]).filter((role) =>
        onTable(role, table, own).includes('DeleteItem'),
      )
      expect(deleters).toEqual(['tenantJob'])
      for (const request of [
        keys('T#globex#ticket#x'),
        keys('T#acme2#ticket#x'),
        keys('T#acme#ticket#x', 'T#globex#ticket#x'),
        {},
      ])
        expect(onTable('tenantJob', table, acme(request))).toEqual([])
    }
    expect(onTable('tenantJob', conversations, keys('T#acme#ticket#x', 'T##ticket#x'))).toEqual([])
  })

  test('for a tenant writes no configuration but its data key and that it was erased', () => {
    const write = (pk: string) => onTable('tenantJob', configuration, acme(keys(pk)))
    expect(write('T#acme#release')).toEqual(['DeleteItem', 'GetItem', 'Query'])
    expect(write('T#acme#config#tool#refund')).toEqual(['DeleteItem', 'GetItem', 'Query'])
    expect(write('T#acme#erased')).toContain('PutItem')
    expect(write('T#acme#key')).toContain('PutItem')
  })

  test('for a tenant deletes secrets under its path, and reads none', () => {
    const on = (name: string) =>
      ['GetSecretValue', 'PutSecretValue', 'DeleteSecret'].filter((action) =>
        may(
          'tenantJob',
          `secretsmanager:${action}`,
          secret(name),
          acme({ 'secretsmanager:ResourceTag/tenant': 'acme' }),
        ),
      )
    expect(on('deskhand/acme/outbound/shop')).toEqual(['DeleteSecret'])
    expect(on('deskhand/acme/inbound/zendesk')).toEqual(['DeleteSecret'])
    expect(on('deskhand/acme2/outbound/shop')).toEqual([])
    expect(on('deskhand/globex/outbound/shop')).toEqual([])
    expect(may('tenantJob', 'secretsmanager:DeleteSecret', anthropicSecret, acme({}))).toBe(false)
  })

  test('for a tenant opens what is sealed with that tenant as context, and is assumed by jobs only', () => {
    const use = (context: Request) => may('tenantJob', 'kms:Decrypt', contentKey, acme(context))
    expect(use({ 'kms:EncryptionContext:tenant': 'acme' })).toBe(true)
    expect(use({ 'kms:EncryptionContext:tenant': 'globex' })).toBe(false)
    const assumers = (Object.keys(roles) as RoleName[]).filter((role) =>
      may(role, 'sts:AssumeRole', `<${roles.tenantJob}.Arn>`),
    )
    expect(assumers).toEqual(['jobs'])
    const role = stacks.all('AWS::IAM::Role').find(({ id }) => id === roles.tenantJob)
    const trust: Statement[] = role?.Properties.AssumeRolePolicyDocument.Statement
    expect(trust.map(({ Principal }) => stacks.text(Principal?.AWS))).toEqual([`<${roles.jobs}.Arn>`])
    const tagged = (request: Request) => trust.some((statement) => conditionsHold(stacks, statement, request))
    expect(tagged({ 'aws:RequestTag/tenant': 'acme', 'aws:TagKeys': ['tenant'] })).toBe(true)
    expect(tagged({})).toBe(false)
  })
})

describe('the sweeper', () => {
  test('alone reads the index of due tickets', () => {
    const request = acme(keys('d0', 'T#acme#ticket#x'))
    const readers = (Object.keys(roles) as RoleName[]).filter(
      (role) => onTable(role, index, request).length + onTable(role, index, acme(keys('d0'))).length > 0,
    )
    expect(readers).toEqual(['sweeper'])
    expect(onTable('sweeper', index, keys('d0'))).toEqual(['Query'])
  })

  test('moves tickets and reads no row', () => {
    expect(onTable('sweeper', conversations, keys('T#acme#ticket#x'))).toEqual(['UpdateItem'])
    expect(onTable('sweeper', configuration, keys('T#acme#release'))).toEqual([])
    expect(onTable('sweeper', conversations, {})).toEqual([])
  })

  test('moves jobs too', () => {
    expect(onTable('sweeper', conversations, keys('T#acme#job'))).toEqual(['UpdateItem'])
    expect(onTable('sweeper', conversations, keys('T#acme#export#x'))).toEqual([])
  })
})

describe('every policy', () => {
  const granted = stacks
    .all('AWS::IAM::Policy')
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[])

  test('names its actions', () => {
    expect(granted.flatMap(({ Action }) => Action).filter((action) => action.includes('*'))).toEqual([])
  })

  test('names its resources, but for these', () => {
    const explained: Record<string, string> = {
      '*': 'X-Ray has no resources, and a list of secrets has none to name',
      [secretPattern('deskhand/*/inbound/*')]: 'tenants are made at run time',
      [secretPattern(`deskhand/\${aws:PrincipalTag/tenant}/inbound/*`)]:
        'made at run time, held by path and tag',
      [secretPattern(`deskhand/\${aws:PrincipalTag/tenant}/outbound/*`)]:
        'made at run time, held by path and tag',
      [secretPattern(`deskhand/\${aws:PrincipalTag/tenant}/outbound/grant-*`)]:
        'made at run time, held by path and tag',
      [secretPattern(`deskhand/\${aws:PrincipalTag/tenant}/*`)]: 'made at run time, held by path',
    }
    const wild = granted
      .flatMap((statement) =>
        [statement.Resource].flat().map((one) => ({ ...statement, on: stacks.text(one) })),
      )
      .filter(({ on }) => on.includes('*'))
    expect(new Set(wild.map(({ on }) => on))).toEqual(new Set(Object.keys(explained)))
    const xray = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments']
    for (const { Action, on } of wild) {
      if (on === '*') expect([xray, ['secretsmanager:ListSecrets', ...xray]]).toContainEqual(Action)
    }
  })

  test('guards each row of a table by leading keys that end in a delimiter or name the whole key', () => {
    const onRows = granted.filter((statement) =>
      [statement.Resource].flat().some((one) => [conversations, configuration].includes(stacks.text(one))),
    )
    expect(onRows.length).toBeGreaterThan(0)
    for (const { Action, Condition } of onRows) {
      // For keys alone, and there are none to lead with.
      if (Action === 'dynamodb:Scan') continue
      expect(Condition?.Null).toEqual({ 'dynamodb:LeadingKeys': 'false' })
      const leading = [Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys']].flat() as string[]
      expect(leading.length).toBeGreaterThan(0)
      for (const pattern of leading)
        expect(pattern).toMatch(
          /^(OPERATORS|TENANTS|T#(\*|\$\{aws:PrincipalTag\/tenant\})#(.*#)?(\*|release|key|member|job|erased))$/,
        )
    }
  })

  test('is on a role of its own: no managed policies', () => {
    for (const { Properties } of stacks.all('AWS::IAM::Role')) {
      expect(Properties.ManagedPolicyArns).toBeUndefined()
      expect(Properties.Policies).toBeUndefined()
    }
  })

  function secretPattern(name: string): string {
    return `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${name}`
  }
})
