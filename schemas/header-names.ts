/**
 * Header names that nobody configures: they frame the message, say where it came from, open a cloud's metadata
 * service, or are Deskhand's own. Lower case.
 */
export const reservedHeader =
  /^(?:proxy-.*|host|content-(?:length|type|encoding)|accept-encoding|transfer-encoding|te|trailer|connection|keep-alive|upgrade|expect|cookie2?|set-cookie|idempotency-key|deskhand-.*|forwarded|via|x-forwarded-.*|x-real-ip|x-aws-.*|x-amz-.*|metadata.*|x-google-metadata-.*|x-http-method(?:-override)?|x-method-override|x-original-url|x-rewrite-url)$/

/** A field name of RFC 9110, section 5.6.2. */
export const headerNamePattern = /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/i
