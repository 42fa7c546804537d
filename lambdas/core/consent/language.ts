/** In which of the fixed languages does somebody write? By their commonest small words; English where nothing speaks. */
import { type FixedLanguage, fixedLanguages } from '../../../schemas/consent.ts'

/** Words that are common in one of these languages and rare in the others. */
const common: Readonly<Record<FixedLanguage, string>> = {
  en: 'the and is my please you have would like where order hello hi thanks thank for not yes want can with this refund it',
  de: 'ich und der das ist nicht bitte meine meinen mein wo bestellung hallo danke für mit eine einen ja sie wie kann möchte habe noch auf guten',
  fr: 'je et le les est ma mon ne pas bonjour merci où commande vous avec pour une oui ce que mes mais du votre ai veux',
  es: 'yo y el los es mi mis por favor hola gracias dónde pedido usted con para una sí que pero quiero del está mucho tengo su',
  it: 'io il è mio mia per favore ciao buongiorno grazie dove ordine con una sì che ma vorrei del sono non della mi gli ho',
  nl: 'ik en het de is mijn niet alstublieft hallo bedankt waar bestelling met voor een ja u wil graag heb nog van dank kunt dat',
}
const words: Readonly<Record<FixedLanguage, ReadonlySet<string>>> = Object.fromEntries(
  fixedLanguages.map((language) => [language, new Set(common[language].split(' '))]),
) as Record<FixedLanguage, Set<string>>

/** Text is looked at up to here: a language shows in a few lines. */
const mostCharacters = 5000

/** The language of `texts`, the most telling one first; a later one decides only where the earlier are silent. */
export function languageOf(texts: readonly string[]): FixedLanguage {
  for (const text of texts) {
    const language = spoken(text)
    if (language !== undefined) return language
  }
  return 'en'
}

/** The language with the most common words, if it is ahead of every other. */
function spoken(text: string): FixedLanguage | undefined {
  const written =
    text
      .slice(0, mostCharacters)
      .toLowerCase()
      .match(/\p{L}+/gu) ?? []
  const counts = fixedLanguages
    .map((language) => ({ language, count: written.filter((word) => words[language].has(word)).length }))
    .sort((a, b) => b.count - a.count)
  const [first, second] = counts
  return first !== undefined && first.count > 0 && first.count > (second?.count ?? 0)
    ? first.language
    : undefined
}
