/** Text of a document for a description: one line without markup, of at most `most` characters. */
export function plainText(text: string, most: number): string {
  const plain = text
    .slice(0, 4 * most)
    .replaceAll(/!?\[([^[\]]{0,500})\]\([^()]{0,2000}\)/g, '$1')
    .replaceAll(/<[^<>]{0,1000}>/g, ' ')
    .replaceAll(/[`*#>]+/g, '')
    .replaceAll(/[\p{Cf}\p{Co}\p{Cs}\p{Cn}]/gu, '')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return plain.length <= most
    ? plain
    : `${plain
        .slice(0, most - 1)
        .toWellFormed()
        .replace(/[\s\ufffd]+$/, '')}…`
}
