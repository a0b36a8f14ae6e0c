/** One attachment, above the view it was opened from: look, play, save, remove. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../api/problem";
import type { Attachment } from "../api/records";
import { go, useSigned } from "../app";
import { Confirm } from "../parts/confirm";
import { Dialog } from "../parts/dialog";
import { Facts } from "../parts/facts";
import { Icon } from "../parts/icon";
import { Picture } from "../parts/picture";
import { Player } from "../parts/player";
import { Failed, Loading } from "../parts/states";
import { Thumbnail } from "../parts/thumbnail";
import type { Place } from "../places";
import { save } from "../save";

export function Details({ id, place }: { id: string; place: Place }) {
  const { client, newsroom } = useSigned();
  const [attachment, setAttachment] = useState<Attachment | null>(null);
  const [error, setError] = useState<unknown>(null);
  const close = useCallback(() => go({ ...place, open: null }), [place]);
  const load = useCallback(async () => {
    setError(null);
    try {
      setAttachment(await client.attachment(id));
    } catch (thrown) {
      setError(thrown);
    }
  }, [client, id]);
  useEffect(() => {
    load();
    return newsroom.hear((news) => {
      if (news.kind === "changed" && news.attachment.id === id) setAttachment(news.attachment);
    });
  }, [load, newsroom, id]);

  return (
    <Dialog class="details" label={attachment?.file_name ?? "Attachment"} onClose={close}>
      <div class="bar">
        <h2 dir="auto">{attachment?.file_name ?? "Attachment"}</h2>
        <button type="button" class="quiet" onClick={close}>
          <Icon name="close" />
          <span class="unseen">Close</span>
        </button>
      </div>
      {error !== null && <Failed error={error} onRetry={load} />}
      {error === null && !attachment && <Loading what="the attachment" />}
      {attachment && (
        <div class="columns">
          <Stage attachment={attachment} />
          <div class="aside">
            <Actions attachment={attachment} onDeleted={close} />
            <Facts attachment={attachment} />
          </div>
        </div>
      )}
    </Dialog>
  );
}

/** The attachment itself, as far as it can be shown. */
function Stage({ attachment }: { attachment: Attachment }) {
  if (attachment.status === "ready") {
    if (attachment.file_type === "video" || attachment.file_type === "audio") {
      return <Player attachment={attachment} />;
    }
    if (attachment.file_type === "image") return <Picture attachment={attachment} />;
  }
  return (
    <div class="player">
      <Thumbnail attachment={attachment} />
      {attachment.status === "pending" && (
        <p class="notice" role="status">
          <span class="spinner" aria-hidden="true" /> Not uploaded yet, or being inspected.
        </p>
      )}
    </div>
  );
}

function Actions({ attachment, onDeleted }: { attachment: Attachment; onDeleted: () => void }) {
  const { client, newsroom, session } = useSigned();
  const [share, setShare] = useState<number | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);

  const download = async () => {
    setSaid(null);
    setShare(0);
    try {
      const { url } = await client.download(attachment.id);
      const { file_name, file_size } = attachment;
      await save(url, file_name, file_size, setShare, leaving.current.signal);
      setSaid("Saved.");
    } catch (error) {
      if (!leaving.current.signal.aborted) setSaid(sentenceOf(error));
    } finally {
      setShare(null);
    }
  };
  const remove = async () => {
    await client.delete(attachment.id);
    newsroom.tell({ kind: "removed", id: attachment.id });
    onDeleted();
  };
  const mayDelete = session.admin || session.user === attachment.uploaded_by;
  return (
    <div class="actions">
      {attachment.status === "ready" && (
        <button type="button" class="button primary" disabled={share !== null} onClick={download}>
          <Icon name="download" />
          {share === null ? "Download" : `Downloading, ${Math.floor(share * 100)} %`}
        </button>
      )}
      {mayDelete && (
        <button type="button" class="button danger" onClick={() => setAsking(true)}>
          <Icon name="trash" /> Delete
        </button>
      )}
      <p class="said" role="status">
        {said}
      </p>
      {asking && (
        <Confirm
          question="Delete this attachment?"
          consequence={`“${attachment.file_name}” will be gone for everybody in the conversation.`}
          action="Delete"
          onConfirmed={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}
