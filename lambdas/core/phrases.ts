/** Does a text hold a phrase, as a person reads it? Without patterns, so that nothing in it takes long to look for. */

/** Scripts that put no space between words. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/**
 * Words in lower case between single spaces: no accents, no punctuation, nothing invisible, and full-width letters as
 * plain ones.
 */
const plain = (text: string): string =>
  ` ${text
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `

/** The first of `phrases` that stands in `text` as whole words. */
export function findPhrase(text: string, phrases: readonly string[]): string | undefined {
  const words = plain(text)
  return phrases.find((phrase) => {
    const wanted = plain(phrase)
    return words.includes(unspaced.test(phrase) ? wanted.trim() : wanted)
  })
}
