import { randomUUID } from 'node:crypto'
import { type Caller, type Input, onlyOwn, refuse } from './aws-service.ts'
import type { AwsState, StoredMail } from './aws-state.ts'

/** Where the SDK posts a mail. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html */
export const sesPath = '/v2/email/outbound-emails'

/**
 * SES: SendEmail of a simple text mail, kept instead of sent. As SES does, it takes one only from a sender that is
 * verified (here: any address of a domain), and refuses recipients that are no addresses.
 */
export function sendEmail(state: AwsState, now: () => number, onMail: (mail: StoredMail) => void) {
  return (input: Input, caller: Caller): { MessageId: string } => {
    onlyOwn(caller, 'ses:SendEmail')
    const mail = mailOf(input, now())
    state.mails.push(mail)
    onMail(mail)
    return { MessageId: mail.id }
  }
}

function mailOf(input: Input, at: number): StoredMail {
  const {
    FromEmailAddress: from,
    Destination,
    Content,
  } = input as {
    FromEmailAddress?: string
    Destination?: { ToAddresses?: string[] }
    Content?: { Simple?: { Subject?: { Data?: string }; Body?: { Text?: { Data?: string } } } }
  }
  const to = Destination?.ToAddresses ?? []
  const subject = Content?.Simple?.Subject?.Data
  const text = Content?.Simple?.Body?.Text?.Data
  if (from === undefined || !isAddress(from)) refuse('MailFromDomainNotVerifiedException', 'no such sender')
  if (to.length === 0 || !to.every(isAddress)) refuse('BadRequestException', 'a recipient is no address')
  if (subject === undefined || text === undefined)
    refuse('BadRequestException', 'subject and text are needed')
  return { id: randomUUID(), at, from, to, subject, text }
}

const isAddress = (text: string): boolean => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)
