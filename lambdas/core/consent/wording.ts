/** Does a message consent? Decided by code from what its author wrote, and in doubt it does not. */
import { fixedLanguages } from '../../../schemas/consent.ts'
import { phrases } from './phrases.ts'

/** `unclear`: there is more to it than yes or no, or it is a quotation; nothing follows from it. */
export type Wording = 'yes' | 'no' | 'unclear'

/** Words that decline, in every language at once: a message is not asked which one it is in. */
const declining = new Set(
  (
    'no not nope never cancel cancelled stop decline declined refuse refused reject against dont don t won isn wrong without ' +
    'nein nicht nie kein keine keinen niemals stopp abbrechen abgelehnt ablehnen falsch stornieren ' +
    'non pas jamais annuler annulez refuse arrêter arrêtez faux ' +
    'nunca cancelar cancele rechazo rechazar parar pare ' +
    'mai annulla annullare rifiuto rifiutare fermare sbagliato ' +
    'nee niet nooit geen annuleer annuleren weiger weigeren fout'
  ).split(' '),
)
/** Words that take back, put off or change. */
const hedging = new Set(
  (
    'but instead wait later unless if rather only maybe except before ' +
    'aber sondern stattdessen warte warten später falls wenn lieber nur vielleicht erst ' +
    'mais plutôt attendez attendre seulement peut-être avant ' +
    'pero sino espere esperar quizás solo antes ' +
    'ma invece aspetti aspettare se solo forse prima ' +
    'maar wacht wachten als alleen misschien eerst liever'
  ).split(' '),
)
/** Longer than this, a refusal may be about something else. */
const plainRefusalWords = 8
/** `si` is "if" in three of the languages. */
const mostWordsOfYes = 3
/** So many words in a row that our own text has are a quotation of it. */
const quotedWords = 5

/** `text` is the message's own words with the token or code taken out. */
export function wordingOf(text: string): Wording {
  if (quotesUs(text)) return 'unclear'
  const words = wordsOf(text)
  const declines = words.some((word) => declining.has(word))
  const hedges =
    words.some((word) => hedging.has(word)) ||
    /[?？¿]/.test(text) ||
    // Two or three words around it, and it is a yes without its accent.
    (words.includes('si') && words.length > mostWordsOfYes)
  if (declines) return words.length <= plainRefusalWords && !hedges ? 'no' : 'unclear'
  return hedges ? 'unclear' : 'yes'
}

/** A message without the lines that are marked as quoted. Adapters take quotations out as well as they can. */
export const ownWords = (text: string): string =>
  text
    .split(/\r?\n/)
    .filter((line) => !/^[\s\u00a0]*[>|\uff1e]/.test(line))
    .join('\n')

const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? []

const runsOf = (words: readonly string[]): string[] =>
  words.slice(quotedWords - 1).map((_, i) => words.slice(i, i + quotedWords).join(' '))

/** Everything around a token or code that we write ourselves. */
const ours = new Set(
  fixedLanguages.flatMap((language) => {
    const { byToken, byCode, proveByMail, proveInChat, mailCode, mailConsent, mailIgnore } = phrases[language]
    return [byToken, byCode, proveByMail, proveInChat, mailCode, mailConsent, mailIgnore].flatMap((phrase) =>
      runsOf(wordsOf(phrase.replaceAll(/\{[a-z]+\}/g, ' '))),
    )
  }),
)

/** An unmarked quotation of our own text holds the token too: it is no answer. */
const quotesUs = (text: string): boolean => runsOf(wordsOf(text)).some((run) => ours.has(run))
