/** Plays what browsers play. Its URL is asked for when somebody presses play, and again after that. */

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../api/problem";
import type { Attachment, Download } from "../api/records";
import { useSigned } from "../app";
import { Icon } from "./icon";
import { Thumbnail } from "./thumbnail";
import { Waveform } from "./waveform";

/** So soon after a fresh URL, an error is not about the URL. */
const FRESH_MS = 5000;

export function Player({ attachment }: { attachment: Attachment }) {
  const { client } = useSigned();
  const [download, setDownload] = useState<Download | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const fetchedAt = useRef(0);
  const resumeAt = useRef(0);
  const media = useRef<HTMLMediaElement>(null);
  const isVideo = attachment.file_type === "video";

  const fetchUrl = async () => {
    setBusy(true);
    setError(null);
    try {
      const fresh = await client.download(attachment.id);
      fetchedAt.current = Date.now();
      setDownload(fresh);
    } catch (thrown) {
      setError(sentenceOf(thrown));
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    const element = media.current;
    if (!element || !download) return;
    if (resumeAt.current) element.currentTime = resumeAt.current;
    element.focus();
    element.play().catch(() => {}); // the browser wants a click on its own button
  }, [download]);

  const onError = () => {
    resumeAt.current = media.current?.currentTime ?? 0;
    const expired = Date.parse(download?.expires_at ?? "") <= Date.now();
    if (expired || Date.now() - fetchedAt.current > FRESH_MS) fetchUrl();
    else setError("Your browser cannot play this file. Download it instead.");
  };

  const unplayable = attachment.web_playable?.verdict === "no";
  if (!download || error) {
    return (
      <div class={`player ${attachment.file_type}`}>
        <Thumbnail attachment={attachment} />
        {attachment.waveform && <Waveform peaks={attachment.waveform} />}
        {!unplayable && (
          <button type="button" class="big-play" disabled={busy} onClick={fetchUrl}>
            <Icon name="play" />
            <span class="unseen">Play {attachment.file_name}</span>
          </button>
        )}
        <Notice attachment={attachment} error={error} />
      </div>
    );
  }
  return (
    <div class={`player ${attachment.file_type}`}>
      {isVideo ? (
        // biome-ignore lint/a11y/useMediaCaption: what people send each other has no captions
        <video
          ref={media as RefObject<HTMLVideoElement>}
          src={download.url}
          poster={attachment.thumbnail_url ?? undefined}
          controls
          playsInline
          onError={onError}
          aria-label={attachment.file_name}
        />
      ) : (
        <>
          {attachment.waveform ? <Waveform peaks={attachment.waveform} /> : <Icon name="audio" />}
          {/* biome-ignore lint/a11y/useMediaCaption: what people send each other has no captions */}
          <audio
            ref={media as RefObject<HTMLAudioElement>}
            src={download.url}
            controls
            onError={onError}
            aria-label={attachment.file_name}
          />
        </>
      )}
    </div>
  );
}

function Notice({ attachment, error }: { attachment: Attachment; error: string | null }) {
  const playable = attachment.web_playable;
  if (error)
    return (
      <p class="notice" role="alert">
        {error}
      </p>
    );
  if (!playable || playable.verdict === "yes") return null;
  const who =
    playable.verdict === "no"
      ? "Browsers do not play this file"
      : "Not every browser plays this file";
  return <p class="notice">{`${who}${playable.reason ? `: ${playable.reason}` : "."}`}</p>;
}
