/** What Intercom shows of a mail's headers. There is no SPF, DKIM or DMARC result among them. */
import type { IntercomEmail } from '../../schemas/intercom-api.ts'

export interface Mail {
  /** The one address in From; `undefined` where there is none, more, or a header that may be another. */
  sender?: string
  /** From, Cc and whatever is not known, lower-case, and To where there are several: one To is the company's own. */
  seenBy: string[]
  /** False where Intercom left the headers out. */
  known: boolean
  /** Addresses in a Reply-To header; '' for one that cannot be read. */
  replyTo: string[]
}

export function mailOf(metadata: IntercomEmail): Mail {
  const headers = metadata?.email_address_headers
  if (headers === undefined) return { seenBy: [], known: false, replyTo: [] }
  const of = (...types: string[]): string[] =>
    headers.flatMap(({ type, email_address }) =>
      types.includes(type?.toLowerCase() ?? '') ? [email_address?.toLowerCase() ?? ''] : [],
    )
  const from = of('from')
  const to = of('to')
  const others = headers
    .filter(({ type }) => !['from', 'to', ...replyToNames].includes(type?.toLowerCase() ?? ''))
    .map(({ email_address }) => email_address?.toLowerCase() ?? '')
  return {
    ...(from.length === 1 && from[0] && headers.every(({ type }) => type) ? { sender: from[0] } : {}),
    seenBy: [...from, ...(to.length > 1 ? to : []), ...others],
    known: true,
    replyTo: of(...replyToNames),
  }
}

const replyToNames = ['reply_to', 'reply-to']
