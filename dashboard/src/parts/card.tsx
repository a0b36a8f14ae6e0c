import { memo } from "preact/compat";
import type { Attachment, Status } from "../api/records";
import { fileSize, shortTime } from "../format";
import { Icon } from "./icon";
import { Thumbnail } from "./thumbnail";

const STATUS_WORDS: Partial<Record<Status, string>> = {
  pending: "Processing",
  rejected: "Rejected",
  failed: "Failed",
  expired: "Never uploaded",
};

/** An attachment in a gallery; `href` leads to its details. */
export const Card = memo(function Card(props: { attachment: Attachment; href: string }) {
  const { attachment, href } = props;
  const status = STATUS_WORDS[attachment.status];
  return (
    <li class="card" data-status={attachment.status} data-id={attachment.id}>
      <a href={href}>
        <div class="frame">
          <Thumbnail attachment={attachment} />
          {attachment.file_type === "video" && attachment.status === "ready" && (
            <span class="play" aria-hidden="true">
              <Icon name="play" />
            </span>
          )}
          {attachment.duration_formatted && (
            <span class="duration">
              <span class="unseen">, duration </span>
              {attachment.duration_formatted}
            </span>
          )}
          {status && (
            <span class={`badge ${attachment.status}`}>
              {attachment.status === "pending" && <span class="spinner" aria-hidden="true" />}
              {status}
            </span>
          )}
        </div>
        <span class="caption">
          <strong dir="auto">{attachment.file_name}</strong>
          <span class="faint">
            {fileSize(attachment.file_size)} · {attachment.uploaded_by} ·{" "}
            <time dateTime={attachment.created_at}>{shortTime(attachment.created_at)}</time>
          </span>
        </span>
      </a>
    </li>
  );
});
