/** What goes wrong between the page and the API, in words that a person can act on. */

/** The API's own refusal: `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }
}

/** No answer at all: offline, a wrong address, or an origin that may not ask. */
export class UnreachableError extends Error {
  constructor() {
    super("The server does not answer. Check your connection and try again.");
  }
}

interface ProblemDocument {
  title?: unknown;
  detail?: unknown;
  message?: unknown;
  request_id?: unknown;
  errors?: { field: string; detail: string }[];
}

/**
 * The problem of a refused request. What API Gateway itself refuses has only a `message`, what lies
 * between may have no JSON.
 */
export async function problemOf(response: Response): Promise<Problem> {
  const body: ProblemDocument = await response.json().catch(() => ({}));
  const title = text(body.title) ?? text(body.message) ?? TITLES[response.status];
  const fields = (body.errors ?? []).map((error) => error.detail);
  const detail = fields.length > 0 ? fields.join(" ") : (text(body.detail) ?? "");
  return new Problem(
    response.status,
    title ?? `The server answered ${response.status}`,
    detail,
    text(body.request_id) ?? response.headers.get("x-request-id"),
  );
}

const TITLES: Record<number, string> = {
  413: "Too large",
  429: "Too many requests at once; try again in a moment",
  503: "The service is busy; try again in a moment",
};

function text(value: unknown): string | null {
  return typeof value === "string" && value ? value : null;
}

/** One sentence for whatever was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
