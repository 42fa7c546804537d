/** Which headers a tenant's API may be sent. */

const tchar = /^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/i
const printable = /^[\x20-\x7e]*$/
/** They belong to the connection, to proxies, or open a cloud's metadata service. */
const reserved =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|x-aws-.*|metadata.*|x-google-metadata-.*|forwarded|x-forwarded-.*)$/i

/** Why this header may not be sent, or undefined. Asked when an admin saves one, and again for each request. */
export function refusedHeader(name: string, value: string): string | undefined {
  if (!tchar.test(name)) return 'a header name has a character that HTTP does not allow'
  if (reserved.test(name)) return `the header ${name.toLowerCase()} is not yours to set`
  if (!printable.test(value)) return `the value of the header ${name.toLowerCase()} must be printable ASCII`
  return undefined
}
