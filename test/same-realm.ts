/**
 * To be imported by tests that import OpenAPI documents. jest runs tests in a realm of their own, and Node's
 * structuredClone gives back objects of the outer one, which @scalar/openapi-parser does not take for plain objects: it
 * would follow no reference. Outside of jest there is one realm. The documents are JSON, so this clone is the same.
 */
globalThis.structuredClone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
