/** Attachments as cards: of a conversation, of a message, and for admins of everybody. */

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Client } from "../api/client";
import type { Attachment, FileType, Page } from "../api/records";
import { go, useSigned } from "../app";
import { useFeed } from "../feed";
import { withNews } from "../news";
import { Card } from "../parts/card";
import { DayRange } from "../parts/day-range";
import { EndOfList } from "../parts/endless";
import { Icon } from "../parts/icon";
import { Empty } from "../parts/states";
import { TypeFilter } from "../parts/type-filter";
import { hashOf, type Place } from "../places";
import { UploadPanel } from "../uploads/panel";

type Of<View> = Extract<Place, { view: View }>;
type Belongs = (attachment: Attachment) => boolean;
type Load = (
  client: Client,
  cursor: string | null,
  signal: AbortSignal,
) => Promise<Page<Attachment>>;

const PAGE = "50";

export function ConversationView({ place }: { place: Of<"conversation"> }) {
  const { id, type } = place;
  const { session, demo } = useSigned();
  const [message, setMessage] = useState(demo?.conversation_id === id ? demo.message_id : "");
  const load: Load = useCallback(
    (client, cursor, signal) => client.conversation(id, { type, cursor, limit: PAGE }, signal),
    [id, type],
  );
  const belongs: Belongs = useCallback(
    (attachment) => attachment.conversation_id === id && isOf(type, attachment),
    [id, type],
  );
  const suggest = useCallback(
    (items: readonly Attachment[]) => {
      const own = items.find((item) => session.admin || item.uploaded_by === session.user);
      if (own) setMessage((known) => known || own.message_id);
    },
    [session],
  );
  return (
    <Gallery
      place={place}
      title="Conversation"
      subtitle={id}
      load={load}
      belongs={belongs}
      onItems={suggest}
      filter={<TypeFilter type={type} hrefOf={(other) => hashOf({ ...place, type: other })} />}
      sendTo={message}
      empty="Nothing was sent here yet."
    />
  );
}

export function MessageView({ place }: { place: Of<"message"> }) {
  const { id } = place;
  const load: Load = useCallback(
    (client, cursor, signal) => client.message(id, { cursor, limit: PAGE }, signal),
    [id],
  );
  const belongs: Belongs = useCallback((attachment) => attachment.message_id === id, [id]);
  return (
    <Gallery
      place={place}
      title="Message"
      subtitle={id}
      load={load}
      belongs={belongs}
      sendTo={id}
      empty="This message has no attachments yet."
    />
  );
}

export function EverythingView({ place }: { place: Of<"everything"> }) {
  const { type, from, to } = place;
  const load: Load = useCallback(
    (client, cursor, signal) => client.everything({ type, from, to, cursor, limit: PAGE }, signal),
    [type, from, to],
  );
  const belongs: Belongs = useCallback((attachment) => isOf(type, attachment), [type]);
  return (
    <Gallery
      place={place}
      title="Everything"
      subtitle={from || to ? "Of all conversations" : "Of all conversations, the last 30 days"}
      load={load}
      belongs={belongs}
      filter={
        <>
          <TypeFilter type={type} hrefOf={(other) => hashOf({ ...place, type: other })} />
          <DayRange from={from} to={to} onChange={(days) => go({ ...place, ...days })} />
        </>
      }
      empty="Nothing was sent in this time."
    />
  );
}

function Gallery(props: {
  place: Place;
  title: string;
  subtitle: string;
  load: Load;
  belongs: Belongs;
  empty: string;
  filter?: ComponentChildren;
  /** The message that files can be sent with; undefined where none can. */
  sendTo?: string;
  onItems?: (items: readonly Attachment[]) => void;
}) {
  const { client, newsroom } = useSigned();
  const { belongs, onItems } = props;
  const load = useMemo(
    () => (cursor: string | null, signal: AbortSignal) => props.load(client, cursor, signal),
    [client, props.load],
  );
  const { feed, more, update } = useFeed(load);
  const [sending, setSending] = useState(false);
  useEffect(
    () => newsroom.hear((news) => update((items) => withNews(news, items, belongs))),
    [newsroom, update, belongs],
  );
  useEffect(() => onItems?.(feed.items), [onItems, feed.items]);
  const startSending = useCallback(() => setSending(true), []);
  useDropped(props.sendTo !== undefined, startSending);

  return (
    <section class="gallery" aria-labelledby="title">
      <div class="bar">
        <div class="titles">
          <h1 id="title">{props.title}</h1>
          <p class="faint subtitle">{props.subtitle}</p>
        </div>
        {props.sendTo !== undefined && (
          <button
            type="button"
            class="button primary"
            aria-expanded={sending}
            onClick={() => setSending(!sending)}
          >
            <Icon name="upload" /> Send files
          </button>
        )}
      </div>
      {sending && <UploadPanel suggested={props.sendTo ?? ""} onClose={() => setSending(false)} />}
      {props.filter && <div class="filters">{props.filter}</div>}
      <ul class="cards" aria-busy={feed.state === "loading"}>
        {feed.items.map((attachment) => (
          <Card
            key={attachment.id}
            attachment={attachment}
            href={hashOf({ ...props.place, open: attachment.id })}
          />
        ))}
      </ul>
      {feed.state === "complete" && feed.items.length === 0 && (
        <Empty icon="image" title="Nothing here">
          {props.empty}
        </Empty>
      )}
      <EndOfList feed={feed} what="attachments" more={more} />
    </section>
  );
}

function isOf(type: FileType | null, attachment: Attachment): boolean {
  return type === null || attachment.file_type === type;
}

/** Calls `onFiles` when files are dragged over the page, so that there is a place to drop them. */
function useDropped(active: boolean, onFiles: () => void): void {
  useEffect(() => {
    if (!active) return;
    const look = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // beside the place, a drop would leave the page
      if (event.type === "dragover") onFiles();
    };
    addEventListener("dragover", look);
    addEventListener("drop", look);
    return () => {
      removeEventListener("dragover", look);
      removeEventListener("drop", look);
    };
  }, [active, onFiles]);
}
