/** What the page learns of attachments while lists are on screen: one place to tell and to hear it. */

import type { Attachment } from "./api/records";

export type News =
  | { kind: "added" | "changed"; attachment: Attachment }
  | { kind: "removed"; id: string };

type Listener = (news: News) => void;

export class Newsroom {
  private readonly listeners = new Set<Listener>();

  tell(news: News): void {
    for (const listener of this.listeners) listener(news);
  }

  /** Hear everything from now on; the answer stops that. */
  hear(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/** A list after a piece of news; `belongs` says which new attachments it takes. */
export function withNews(
  news: News,
  items: readonly Attachment[],
  belongs: (attachment: Attachment) => boolean,
): readonly Attachment[] {
  if (news.kind === "removed") return items.filter((item) => item.id !== news.id);
  const { attachment } = news;
  if (items.some((item) => item.id === attachment.id)) {
    return items.map((item) => (item.id === attachment.id ? attachment : item));
  }
  return news.kind === "added" && belongs(attachment) ? [attachment, ...items] : items;
}
