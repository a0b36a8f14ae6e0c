import type { ComponentChildren } from "preact";
import type { Attachment } from "../api/records";
import { useSigned } from "../app";
import { bitRate, dimensions, fileSize, wholeTime, words } from "../format";
import { hashOf } from "../places";

type Fact = [string, ComponentChildren];

/** Everything that the record knows, in groups; what it does not know is left out. */
export function Facts({ attachment }: { attachment: Attachment }) {
  const { session } = useSigned();
  return (
    <dl class="facts">
      {[...about(attachment), ...media(attachment), ...origin(attachment, session.admin)].map(
        ([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function about(attachment: Attachment): Fact[] {
  return known([
    ["Status", words(attachment.status)],
    ["Reason", attachment.reason],
    ["Type", `${words(attachment.file_type)}, ${attachment.mime_type}`],
    ["Size", `${fileSize(attachment.file_size)} (${attachment.file_size.toLocaleString()} bytes)`],
  ]);
}

function media(attachment: Attachment): Fact[] {
  const { width, height, web_playable: playable } = attachment;
  return known([
    ["Duration", attachment.duration_formatted],
    ["Dimensions", width && height ? dimensions(width, height) : null],
    ["Rotation", attachment.rotation ? `${attachment.rotation}°, applied` : null],
    ["Frame rate", attachment.frame_rate && `${attachment.frame_rate} frames a second`],
    ["Bit rate", attachment.bitrate && bitRate(attachment.bitrate)],
    ["Video codec", attachment.codec],
    ["Audio", attachment.audio_codec ?? (attachment.has_audio === false ? "None" : null)],
    ["Colour", attachment.hdr ? "High dynamic range" : null],
    ["Streamable", yesOrNo(attachment.streamable)],
    ["Plays in browsers", playable && playability(playable)],
  ]);
}

function origin(attachment: Attachment, admin: boolean): Fact[] {
  const { uploaded_by: user, message_id: message, conversation_id: conversation } = attachment;
  const days = { from: "", to: "", open: null };
  const history = hashOf({ view: "activity", user: "", attachment: attachment.id, ...days });
  const acts = hashOf({ view: "activity", user, attachment: "", ...days });
  return known([
    ["Sent by", admin ? <a href={acts}>{user}</a> : user],
    ["Requested", wholeTime(attachment.created_at)],
    ["Uploaded", attachment.uploaded_at && wholeTime(attachment.uploaded_at)],
    ["Message", <a href={hashOf({ view: "message", id: message, open: null })}>{message}</a>],
    [
      "Conversation",
      <a href={hashOf({ view: "conversation", id: conversation, type: null, open: null })}>
        {conversation}
      </a>,
    ],
    ["Attachment", admin ? <a href={history}>{attachment.id}</a> : attachment.id],
  ]);
}

function known(facts: [string, ComponentChildren][]): Fact[] {
  return facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
}

function yesOrNo(value: boolean | null): string | null {
  return value === null ? null : value ? "Yes" : "No";
}

function playability({ verdict, reason }: NonNullable<Attachment["web_playable"]>): string {
  const answer = { yes: "Yes", some: "Some", no: "No" }[verdict];
  return reason ? `${answer}: ${reason}` : answer;
}
