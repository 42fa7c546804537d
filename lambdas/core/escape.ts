/** Text of others between tags of ours, for the model. */
import { truncate } from './truncate.ts'

/** It cannot close a tag of ours. */
export const escapeTags = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** What somebody typed into a field of one line. */
export const oneLine = (text: string, maxBytes: number): string =>
  escapeTags(truncate(text.replaceAll(/\p{C}+|\s+/gu, ' ').trim(), maxBytes).text)
