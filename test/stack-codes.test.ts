/** One-time codes in the cloud: who may send mail, and from where. */
import { describe, expect, test } from '@jest/globals'
import { isAllowed, statementsOf } from './stack-access.ts'
import { synthesize } from './stack-template.ts'

const sender = 'codes@acme.com'
const identity = (name: string): string => `arn:aws:ses:eu-west-1:111122223333:identity/${name}`

function maySend(
  stacks: ReturnType<typeof synthesize>,
  role: string,
  from: string,
  resource: string,
): boolean {
  const found = stacks.all('AWS::IAM::Role').find(({ Properties }) => Properties.Description === role)
  if (found === undefined) throw new Error(`no role is described as ${role}`)
  return isAllowed(stacks, statementsOf(stacks, found.id), 'ses:SendEmail', resource, {
    'ses:FromAddress': from,
  })
}

describe('with a sender', () => {
  const stacks = synthesize({ codeSender: sender })
  const answer = 'Deskhand: zendesk/answer'

  test.each([identity(sender), identity('acme.com')])(
    'answer sends from that address alone: %s',
    (resource) => {
      expect(maySend(stacks, answer, sender, resource)).toBe(true)
      expect(maySend(stacks, answer, 'ceo@acme.com', resource)).toBe(false)
    },
  )

  test.each([identity('globex.com'), identity('codes@globex.com')])('and not as %s', (resource) => {
    expect(maySend(stacks, answer, sender, resource)).toBe(false)
  })

  test.each([
    'Deskhand: zendesk/receive',
    'Deskhand: sweeper/sweeper',
    'Deskhand: one tenant, by session tag',
  ])('nobody else sends: %s', (role) => {
    expect(maySend(stacks, role, sender, identity(sender))).toBe(false)
  })
})

test('without a sender nobody sends, and no function is told of one', () => {
  const stacks = synthesize()
  expect(maySend(stacks, 'Deskhand: zendesk/answer', sender, identity(sender))).toBe(false)
  expect(JSON.stringify(stacks.all('AWS::Lambda::Function'))).not.toContain('CODE_SENDER')
})

test('a sender that is no address is refused', () => {
  expect(() => synthesize({ codeSender: 'acme.com' })).toThrow(/codeSender/)
})
