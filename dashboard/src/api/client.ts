/** The API as functions. Every call can be aborted; refusals are `Problem`s. */

import { Problem, problemOf, UnreachableError } from "./problem";
import type { Activity, Attachment, Download, Page, Ticket, Usage } from "./records";

export type Query = Record<string, string | null | undefined>;

/** One S3 operation to sign, as Uppy's `signRequest` asks. */
export interface SignRequest {
  method: string;
  key: string;
  uploadId?: string;
  partNumber?: number;
}

export interface SignedRequest {
  url: string;
  key?: string;
  headers?: Record<string, string>;
}

export interface NewUpload {
  message_id: string;
  file_name: string;
  file_size: number;
  mime_type: string;
}

const NOBODYS_ATTACHMENT = "00000000-0000-4000-8000-000000000000";

export class Client {
  /** `onUnauthenticated` is called when the token no longer holds. */
  constructor(
    private readonly base: string,
    private readonly token: string,
    private readonly onUnauthenticated: () => void = () => {},
  ) {}

  /** What the token is good for; throws the API's refusal of one that does not hold. */
  async role(): Promise<"admin" | "user" | "service"> {
    try {
      await this.everything({ limit: "1" });
      return "admin";
    } catch (error) {
      if (!(error instanceof Problem && error.status === 403)) throw error;
    }
    try {
      await this.attachment(NOBODYS_ATTACHMENT);
    } catch (error) {
      if (error instanceof Problem && error.status === 403) return "service";
      if (!(error instanceof Problem && error.status === 404)) throw error;
    }
    return "user";
  }

  attachment(id: string, signal?: AbortSignal): Promise<Attachment> {
    return this.json(`attachments/${segment(id)}/`, { signal });
  }

  /** The attachment as soon as it is pending no more, at the latest after `seconds`. */
  awaited(id: string, seconds: number, signal?: AbortSignal): Promise<Attachment> {
    const headers = { Prefer: `wait=${seconds}` };
    return this.json(`attachments/${segment(id)}/`, { headers, signal });
  }

  conversation(id: string, query: Query, signal?: AbortSignal): Promise<Page<Attachment>> {
    return this.json(`conversations/${segment(id)}/attachments/${search(query)}`, { signal });
  }

  message(id: string, query: Query, signal?: AbortSignal): Promise<Page<Attachment>> {
    return this.json(`messages/${segment(id)}/attachments/${search(query)}`, { signal });
  }

  everything(query: Query, signal?: AbortSignal): Promise<Page<Attachment>> {
    return this.json(`attachments/${search(query)}`, { signal });
  }

  activity(query: Query, signal?: AbortSignal): Promise<Page<Activity>> {
    return this.json(`reports/activity/${search(query)}`, { signal });
  }

  usage(query: Query, signal?: AbortSignal): Promise<Usage> {
    return this.json(`reports/usage/${search(query)}`, { signal });
  }

  /** Where the bytes are. The API logs this as a download. */
  download(id: string): Promise<Download> {
    return this.json(`attachments/${segment(id)}/download/`);
  }

  async delete(id: string): Promise<void> {
    await this.json(`attachments/${segment(id)}/`, { method: "DELETE" });
  }

  /** Reserve an attachment; a retry with the same key gets the same one. */
  reserve(upload: NewUpload, idempotencyKey: string): Promise<Ticket> {
    return this.json("upload/", {
      method: "POST",
      body: JSON.stringify(upload),
      headers: { "Idempotency-Key": idempotencyKey },
    });
  }

  sign(id: string, request: SignRequest): Promise<SignedRequest> {
    return this.json(`attachments/${segment(id)}/sign/`, {
      method: "POST",
      body: JSON.stringify(request),
    });
  }

  private async json<Answer>(path: string, init: Init = {}): Promise<Answer> {
    const response = await this.send(path, init);
    if (!response.ok) {
      const problem = await problemOf(response);
      if (problem.status === 401) this.onUnauthenticated();
      throw problem;
    }
    return await response.json();
  }

  private async send(path: string, { signal, headers, ...init }: Init): Promise<Response> {
    const sent = { Authorization: `Bearer ${this.token}`, ...headers };
    const body = init.body ? { "Content-Type": "application/json" } : {};
    try {
      return await fetch(`${this.base}/api/chat/${path}`, {
        ...init,
        headers: { ...sent, ...body },
        credentials: "omit",
        signal: signal ?? null,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new UnreachableError();
    }
  }
}

interface Init {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

function segment(id: string): string {
  return encodeURIComponent(id);
}

function search(query: Query): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(given).toString();
  return text && `?${text}`;
}
