import { configuration } from '../../runtime/errors'

/** What is wrong is not repeated: it may hold the password. */
export function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || !url.hostname || !isDatabase(url) || !isEscaped(url)) {
    throw configuration('DATABASE_URL: not an address of a database, as postgres://user:password@host:5432/name')
  }
  return url
}

/** With a / in it a password that is not escaped ends up in the path, and its user is taken for the host. */
const isDatabase = ({ pathname }: URL): boolean => /^\/[^/@]+$/.test(pathname)

/** A % in a password is easily left as it is. */
function isEscaped({ username, password, pathname }: URL): boolean {
  try {
    return [username, password, pathname].map(decodeURIComponent).length > 0
  } catch {
    return false
  }
}

/** Where the database is, and as whom we come; never with the password. */
export const placeOf = ({ username, host, pathname }: URL): string =>
  `${username ? `${decodeURIComponent(username)}@` : ''}${host}${pathname}`
