import { BadRequestException, MessageRejected, SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2'
import { DeskhandError } from '../errors.ts'
import type { Io, Mail } from '../ports.ts'
import { awsError } from './aws-error.ts'
import type { AwsOptions } from './runtime-options.ts'
import { clientConfig } from './runtime-options.ts'

/**
 * Plain-text mail by Amazon SES from one verified sender. Sent once: a repeat after a lost answer would be a second
 * mail. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
export function createMail(aws: AwsOptions, sender: string, io: Io): Mail {
  const client = new SESv2Client({ ...clientConfig(aws), maxAttempts: 1 })
  return {
    sender,
    async send({ to, subject, text }) {
      const command = new SendEmailCommand({
        FromEmailAddress: sender,
        Destination: { ToAddresses: [to] },
        Content: {
          Simple: {
            Subject: { Data: subject, Charset: 'UTF-8' },
            Body: { Text: { Data: text, Charset: 'UTF-8' } },
            Headers: [{ Name: 'Auto-Submitted', Value: 'auto-generated' }],
          },
        },
      })
      try {
        await io('mail.send', () => client.send(command))
      } catch (error) {
        if (error instanceof MessageRejected || error instanceof BadRequestException)
          throw new DeskhandError('refused', 'SES does not take a mail to this address', { cause: error })
        throw awsError(error, 'mail.send')
      }
    },
  }
}
