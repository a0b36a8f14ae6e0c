import { useState } from "preact/hooks";
import { sentenceOf } from "../api/problem";
import type { Attachment } from "../api/records";
import { useSigned } from "../app";
import { Icon } from "./icon";
import { Thumbnail } from "./thumbnail";

/** An image: its thumbnail, and in full once somebody asks, which the API logs as a download. */
export function Picture({ attachment }: { attachment: Attachment }) {
  const { client } = useSigned();
  const [url, setUrl] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const show = async () => {
    setError(null);
    try {
      setUrl((await client.download(attachment.id)).url);
    } catch (thrown) {
      setError(sentenceOf(thrown));
    }
  };
  const refused = () => {
    setUrl(null);
    setError("Your browser cannot show this image. Download it instead.");
  };
  return (
    <div class="player image">
      {url ? (
        <img class="full" src={url} alt={attachment.file_name} onError={refused} />
      ) : (
        <>
          <Thumbnail attachment={attachment} />
          <button type="button" class="button over" onClick={show}>
            <Icon name="search" /> Show in full
          </button>
        </>
      )}
      {error && (
        <p class="notice" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
