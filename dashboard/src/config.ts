/** What the page's host says of its surroundings: `config.json` beside the page, all of it optional. */

export interface Config {
  /** Where the API is; empty for the page's own origin. */
  api: string;
  /** Where the local stack offers its demo users; nowhere else is there such a thing. */
  demo: string | null;
}

export interface Demo {
  tokens: Record<string, string>;
  conversation_id: string;
  message_id: string;
}

const API_CHOICE = "offchat.api";

/** The host's configuration, with the address that was chosen on the sign-in page, if one was. */
export async function loadConfig(): Promise<Config> {
  const written = await readJson<Partial<Config>>("config.json");
  const chosen = localStorage.getItem(API_CHOICE);
  return { api: chosen ?? written?.api ?? "", demo: written?.demo ?? null };
}

export function loadDemo(config: Config): Promise<Demo | null> {
  return config.demo ? readJson<Demo>(config.demo) : Promise.resolve(null);
}

/** Remember an address of the API; an empty one returns to the host's configuration. */
export function chooseApi(address: string): void {
  if (address) localStorage.setItem(API_CHOICE, address);
  else localStorage.removeItem(API_CHOICE);
}

/** The origin of an address as it was typed, or null for what is no web address. */
export function apiAddress(typed: string): string | null {
  const trimmed = typed.trim().replace(/\/+$/, "");
  if (!trimmed) return "";
  const url = URL.canParse(trimmed) ? new URL(trimmed) : null;
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  return isWeb && !url.search && !url.hash && !url.username ? trimmed : null;
}

async function readJson<Content>(path: string): Promise<Content | null> {
  try {
    const response = await fetch(path, { cache: "no-store" });
    const isJson = response.headers.get("content-type")?.includes("json");
    return response.ok && isJson ? await response.json() : null;
  } catch {
    return null;
  }
}
