/** Who is signed in: a token that lives as long as the browser tab. */

const KEY = "offchat.session";

export interface Session {
  token: string;
  user: string;
  admin: boolean;
}

/** The session of this tab, unless its token has run out. */
export function currentSession(now = Date.now()): Session | null {
  try {
    const session: Session | null = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    const claims = session && claimsOf(session.token);
    return claims && (claims.exp ?? Number.POSITIVE_INFINITY) * 1000 > now ? session : null;
  } catch {
    return null;
  }
}

export function keepSession(session: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

export function endSession(): void {
  sessionStorage.removeItem(KEY);
}

/**
 * The claims that a JWT carries, or null for what is none. Only the API verifies them: the page
 * shows the name and nothing hangs on it.
 */
export function claimsOf(token: string): { sub?: string; exp?: number } | null {
  const [, payload, signature] = token.split(".");
  if (!payload || !signature) return null;
  try {
    const binary = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
