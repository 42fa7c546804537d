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
    'nee niet nooit geen annuleer annuleren weiger weigeren fout ' +
    // Languages that we write nothing in.
    'ne não nao nej nei inte ikke ikkje hayır değil không tidak jangan'
  ).split(' '),
)
/** Words that take back, put off, change or ask. */
const hedging = new Set(
  (
    'but instead wait later unless if rather only maybe except before what why who how which when where ' +
    'aber sondern stattdessen warte warten später falls wenn lieber nur vielleicht erst warum wieso wer wie welche wann ' +
    'mais plutôt attendez attendre seulement peut-être avant quoi pourquoi comment quel quelle quand ' +
    'pero sino espere esperar quizás solo antes qué quién cómo cuál cuándo porqué ' +
    'ma invece aspetti aspettare se solo forse prima cosa perché chi quale quando ' +
    'maar wacht wachten als alleen misschien eerst liever wat waarom wie hoe welke wanneer ' +
    // "No" in languages that we write nothing in, and another word in one of ours.
    'ei nem nu yok älä hindi'
  ).split(' '),
)
/** Words that agree, of which one stands beside the token. */
const agreeing = new Set(
  (
    'yes yep yeah ok okay confirm confirmed confirming agree agreed approve approved accept accepted proceed ahead ' +
    'ja jawohl bestätige bestätigt bestätigen einverstanden genehmigt zustimme ' +
    'oui accord confirme confirmé accepte ' +
    'sí si vale confirmo confirmado acuerdo acepto adelante ' +
    'sì confermo confermato accetto accordo ' +
    'oké oke akkoord bevestig bevestigd'
  ).split(' '),
)
/** Words that say nothing: with no others beside it, the token stands alone. */
const idle = new Set(
  (
    'hello hi please thank thanks you the my your this it is s here code token ' +
    'hallo bitte danke der die das mein meine ist hier ' +
    'bonjour merci le la mon votre voici c est ' +
    'hola gracias el mi este es aquí ' +
    'ciao buongiorno grazie il mio ecco questo ' +
    'alstublieft bedankt dank de het mijn dit'
  ).split(' '),
)
/** Longer than this, a refusal may be about something else. */
const plainRefusalWords = 8
/** `si` is "if" in three of the languages. */
const mostWordsOfYes = 3
/** So many words in a row that our own text has are a quotation of it. */
const quotedWords = 5

/** Where the token or code stood that was taken out of a text. */
export const tokenPlace = '\ufffc'

/** `text` is the message's own words, with `tokenPlace` for the token or code. */
export function wordingOf(text: string): Wording {
  if (quotesUs(text)) return 'unclear'
  const words = wordsOf(text)
  const declines = words.some((word) => declining.has(word))
  const hedges =
    words.some((word) => hedging.has(word)) ||
    /[?？¿]/.test(text) ||
    // In a script that none of our words is written in.
    /(?!\p{Script=Latin})\p{L}/u.test(text) ||
    // Two or three words around it, and it is a yes without its accent.
    (words.includes('si') && words.length > mostWordsOfYes)
  if (declines) return words.length <= plainRefusalWords && !hedges ? 'no' : 'unclear'
  const beside = text.split('\n').filter((line) => line.includes(tokenPlace))
  return hedges || !beside.every(agrees) ? 'unclear' : 'yes'
}

/** The token alone, or with a yes. A number beside it may be another amount or order. */
function agrees(line: string): boolean {
  const words = wordsOf(line)
  const isYes = words.some((word) => agreeing.has(word)) || words.every((word) => idle.has(word))
  return isYes && !/\p{N}/u.test(line)
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
