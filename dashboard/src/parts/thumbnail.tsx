import { useState } from "preact/hooks";
import type { Attachment } from "../api/records";
import { useSigned } from "../app";
import { Icon } from "./icon";
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
  const placeholder = attachment.placeholder && placeholderUrl(attachment.placeholder);

  const renew = async () => {
    if (renewed) return;
    setRenewed(true);
    const fresh = await client.attachment(attachment.id).catch(() => null);
    if (fresh) newsroom.tell({ kind: "changed", attachment: fresh });
  };
  return (
    <div class="thumbnail">
      {placeholder && <img class="placeholder" src={placeholder} alt="" />}
      {!url && !placeholder && <Icon name={attachment.file_type} />}
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
