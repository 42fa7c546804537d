/** A tenant's articles: all of them in the cached prefix where they are small, else behind a search of our own. */
import MiniSearch from 'minisearch'
import type { Article } from '../../schemas/article.ts'
import { type Section, sectionsOf } from './article-sections.ts'
import { escapeTags, oneLine } from './escape.ts'
import { truncate } from './truncate.ts'

/** Titles and texts together, UTF-8: up to this they stand in the cached prefix. */
export const prefixBytes = 20_480
const mostFound = 5
/** Of one answer of the search. */
const answerBytes = 12_000
const queryCharacters = 300

export interface Articles {
  /** For the instructions: the articles themselves, or that they can be searched. Empty without any. */
  text: string
  searchable: boolean
  /** What is found for `query`, for the model, capped and visibly cut. The index is built by the first search. */
  search(query: string): string
}

/** Of one release. `articles` are sorted by id, so that the text is the same bytes in every process. */
export function createArticles(articles: readonly Article[]): Articles {
  const bytes = articles.reduce((sum, { title, text }) => sum + Buffer.byteLength(title + text), 0)
  const searchable = bytes > prefixBytes
  let index: MiniSearch<Section> | undefined
  return {
    text: articles.length === 0 ? '' : searchable ? searchText(articles) : prefixText(articles),
    searchable,
    search: (query) => {
      index ??= createIndex(articles)
      return found(index, query)
    },
  }
}

const prefixText = (articles: readonly Article[]): string =>
  `The company's articles\n${articles
    .map(({ title, text, url, topic, language }) => articleText({ title, text, url, topic, language }))
    .join('\n')}`

const searchText = (articles: readonly Article[]): string => {
  const topics = [...new Set(articles.flatMap(({ topic }) => topic ?? []))].sort().map((t) => oneLine(t, 100))
  return (
    `The company's articles\nThere are ${articles.length}. Look up with search_articles what the company says about anything you do not know for certain` +
    `${topics.length === 0 ? '.' : `, for example about: ${topics.join('; ')}.`}`
  )
}

function articleText(about: {
  title: string
  heading?: string
  text: string
  url?: string | undefined
  topic?: string | undefined
  language?: string | undefined
}): string {
  const { text, ...attributes } = about
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => ` ${name}="${oneLine(value ?? '', 500).replaceAll('"', "'")}"`)
  return `<article${written.join('')}>\n${escapeTags(text)}\n</article>`
}

// ---- the search -----------------------------------------------------------------------------------------

/** Words by the rules of Unicode, so that it also finds where a script puts no space between them. */
const segmenter = new Intl.Segmenter('en', { granularity: 'word' })
const wordsOf = (text: string): string[] =>
  [...segmenter.segment(text)].flatMap(({ segment, isWordLike }) => (isWordLike ? [segment] : []))
const plainWord = (word: string): string => word.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

function createIndex(articles: readonly Article[]): MiniSearch<Section> {
  const index = new MiniSearch<Section>({
    fields: ['title', 'heading', 'topic', 'text'],
    storeFields: ['article', 'title', 'heading', 'text', 'url', 'topic', 'language'],
    tokenize: wordsOf,
    processTerm: plainWord,
    searchOptions: {
      boost: { title: 3, heading: 2, topic: 2 },
      // `returns` finds `return`, and one slip of a finger in a longer word still finds it.
      prefix: (word) => word.length > 2,
      fuzzy: (word) => (word.length > 4 ? 0.2 : false),
      weights: { prefix: 0.4, fuzzy: 0.2 },
    },
  })
  index.addAll(articles.flatMap(sectionsOf))
  return index
}

function found(index: MiniSearch<Section>, query: string): string {
  const hits = index.search(query.slice(0, queryCharacters))
  if (hits.length === 0)
    return 'Nothing found. Try other words once; if nothing says it, the company has not said it.'
  const shown = hits
    .slice(0, mostFound)
    .map(({ title, heading, text, url, topic, language }) =>
      articleText({ title, heading, text, url, topic, language }),
    )
  const more =
    hits.length > mostFound ? [`(${hits.length - mostFound} weaker results left out: be more specific)`] : []
  return truncate([...shown, ...more].join('\n'), answerBytes).text
}
