import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Attachment } from "../api/records";
import { useSigned } from "../app";
import { Icon } from "./icon";
import { whenNear } from "./near";
import { placeholderUrl } from "./placeholder";

/**
 * The thumbnail over its placeholder, or an icon of the type. A URL that has expired is renewed
 * once, by asking for the record again.
 */
export function Thumbnail({ attachment }: { attachment: Attachment }) {
  const { client, newsroom } = useSigned();
  const [shown, setShown] = useState(false);
  const [renewed, setRenewed] = useState(false);
  const url = attachment.thumbnail_url;
  const frame = useRef<HTMLDivElement>(null);
  const placeholder = usePlaceholder(attachment.placeholder, frame);

  const renew = async () => {
    if (renewed) return;
    setRenewed(true);
    const fresh = await client.attachment(attachment.id).catch(() => null);
    if (fresh) newsroom.tell({ kind: "changed", attachment: fresh });
  };
  return (
    <div ref={frame} class="thumbnail">
      {placeholder && <img class="placeholder" src={placeholder} alt="" />}
      {!url && placeholder === null && <Icon name={attachment.file_type} />}
      {url && (
        <img
          class={shown ? "picture shown" : "picture"}
          src={url}
          alt=""
          loading="lazy"
          decoding="async"
          onLoad={() => setShown(true)}
          onError={renew}
        />
      )}
    </div>
  );
}

/**
 * The placeholder as a picture: null if there is none, undefined until the frame that it is for is
 * nearly on screen.
 */
function usePlaceholder(
  hash: string | null,
  frame: RefObject<HTMLDivElement>,
): string | null | undefined {
  const [url, setUrl] = useState<string | null>();
  useEffect(() => {
    setUrl(undefined);
    if (!hash || !frame.current) return;
    return whenNear(frame.current, () => setUrl(placeholderUrl(hash)));
  }, [hash, frame]);
  return hash ? url : null;
}
