/** An article cut into sections: what a search finds and the model reads is a part that answers, not a whole page. */
import type { Article } from '../../schemas/article.ts'

/** Characters of one section, about half a printed page. */
const mostCharacters = 2000

export interface Section {
  /** `<article>#<n>` */
  id: string
  article: string
  title: string
  heading: string
  text: string
  url: string
  topic: string
  language: string
}

/** In the article's order: at its headings, and between paragraphs where a part is long. */
export function sectionsOf(article: Article): Section[] {
  const { id, title, url = '', topic = '', language = '' } = article
  return partsOf(article.text).map(({ heading, text }, n) => ({
    id: `${id}#${n}`,
    article: id,
    title,
    heading,
    text,
    url,
    topic,
    language,
  }))
}

function partsOf(markdown: string): { heading: string; text: string }[] {
  const parts: { heading: string; text: string }[] = []
  let heading = ''
  let lines: string[] = []
  let fenced = false
  const end = (): void => {
    for (const text of pieces(lines.join('\n').trim())) parts.push({ heading, text })
    lines = []
  }
  for (const line of markdown.split(/\r?\n/)) {
    if (/^ {0,3}(?:```|~~~)/.test(line)) fenced = !fenced
    const found = fenced ? undefined : /^ {0,3}#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1]
    if (found === undefined) lines.push(line)
    else {
      end()
      heading = found
    }
  }
  end()
  // A page of headings alone still has something to find.
  return parts.length > 0 ? parts : [{ heading, text: markdown.trim() }]
}

/** Paragraphs together as long as they fit; one that is too long alone is cut hard. */
function pieces(text: string): string[] {
  const found: string[] = []
  let piece = ''
  for (const paragraph of text.split(/\n\s*\n/).flatMap(cutHard)) {
    if (piece !== '' && piece.length + paragraph.length + 2 > mostCharacters) {
      found.push(piece)
      piece = ''
    }
    piece = piece === '' ? paragraph : `${piece}\n\n${paragraph}`
  }
  if (piece.trim() !== '') found.push(piece)
  return found
}

/** Between characters, never within one. */
const cutHard = (paragraph: string): string[] =>
  paragraph.match(new RegExp(`[\\s\\S]{1,${mostCharacters}}(?![\\udc00-\\udfff])`, 'g')) ?? []
