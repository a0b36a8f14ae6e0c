/** What the API answers, field by field as docs/api.md describes it. */

export const FILE_TYPES = ["video", "image", "audio", "document", "other"] as const;
export type FileType = (typeof FILE_TYPES)[number];
export type Status = "pending" | "ready" | "rejected" | "failed" | "expired" | "deleted";

export interface Attachment {
  id: string;
  message_id: string;
  conversation_id: string;
  uploaded_by: string;
  file_name: string;
  file_type: FileType;
  /** Bytes. */
  file_size: number;
  mime_type: string;
  status: Status;
  /** Why it was rejected or failed, or why a ready one has no thumbnail. */
  reason: string | null;
  duration_ms: number | null;
  duration_formatted: string | null;
  width: number | null;
  height: number | null;
  /** Clockwise degrees, already applied to width and height. */
  rotation: number | null;
  /** kbit/s. */
  bitrate: number | null;
  frame_rate: number | null;
  codec: string | null;
  audio_codec: string | null;
  has_audio: boolean | null;
  hdr: boolean | null;
  streamable: boolean | null;
  web_playable: { verdict: "yes" | "some" | "no"; reason: string | null } | null;
  /** Peaks of 0 to 100, for short audio. */
  waveform: number[] | null;
  thumbnail_url: string | null;
  thumbnail: { width: number; height: number; at_ms: number | null } | null;
  /** A ThumbHash in base64. */
  placeholder: string | null;
  created_at: string;
  uploaded_at: string | null;
}

/** One presigned request for the bytes. */
export interface UploadRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  key: string;
  /** Bytes of each part but the last; null where the file goes up in one piece. */
  part_size: number | null;
  expires_at: string;
}

export interface Ticket extends Attachment {
  /** Null once something was uploaded. */
  upload: UploadRequest | null;
}

export interface Download {
  id: string;
  url: string;
  thumbnail_url: string | null;
  expires_at: string;
}

export type Action =
  | "upload_requested"
  | "file_uploaded"
  | "file_rejected"
  | "file_failed"
  | "file_downloaded"
  | "file_forwarded"
  | "file_deleted"
  | "upload_expired";

export interface Activity {
  id: string;
  action: Action;
  user_id: string;
  attachment_id: string;
  message_id: string;
  conversation_id: string;
  at: string;
  admin_override: boolean;
  description: string;
}

export interface Amount {
  files: number;
  /** Bytes of all of them. */
  bytes: number;
}

export interface UsageDay extends Amount {
  /** In UTC: `2026-11-20`. */
  day: string;
  by_type: Partial<Record<FileType, Amount>>;
}

export interface Usage {
  as_of: string | null;
  stored: Amount;
  kinds: (Amount & { file_type: FileType; status: Status })[];
  days: UsageDay[];
  users: (Amount & { user_id: string; pending_uploads: number })[];
}

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}
