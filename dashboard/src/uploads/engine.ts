/** Uppy, with our API as the one who reserves attachments and signs requests to S3. */

import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";
import AwsS3 from "@uppy/aws-s3";
import Uppy, { type Body, type Meta, type UppyFile } from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import type { Client, SignedRequest, SignRequest } from "../api/client";
import { follow } from "../api/follow";
import { Problem, sentenceOf, UnreachableError } from "../api/problem";
import type { Ticket } from "../api/records";
import type { Newsroom } from "../news";
import type { Failure } from "./uploads";

/** From this size on a file goes up in parts, so that a cut costs one part at most. */
const MULTIPART_BYTES = 10 * 2 ** 20;
const FILES_AT_ONCE = 3;
const RETRY_MS = 5000;
/** A presigned URL with less than this left is signed anew before a request begins. */
const MARGIN_MS = 30_000;
const LOST = "The connection was lost. It goes on by itself.";

interface Details extends Meta {
  messageId?: string;
  /** Makes repeated reservations one. */
  reservation?: string;
  attachmentId?: string | undefined;
  key?: string | undefined;
  /** Bytes; null where the file goes up in one piece. */
  partSize?: number | null | undefined;
}

type File = UppyFile<Details, Body>;

export class Engine {
  /** The message that files are for which are added from now on. */
  messageId = "";

  private readonly uppy = new Uppy<Details, Body>({ allowMultipleUploadBatches: true });
  private readonly tickets = new Map<string, Ticket>();
  private readonly partSizes = new Map<number, number>();
  private readonly failed = new Map<string, Failure>();
  private readonly cut = new Set<string>();
  private readonly closing = new AbortController();
  private retrying: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: Client,
    private readonly newsroom: Newsroom,
    private readonly onFailures: (failed: ReadonlyMap<string, Failure>) => void,
  ) {
    this.uppy.use(AwsS3, {
      shouldUseMultipart: (file) => (file.size ?? 0) >= MULTIPART_BYTES && !!partSize(file),
      getChunkSize: ({ size }) => this.partSizes.get(size) ?? 0,
      generateObjectKey: (file) => String(file.meta.key),
      signRequest: (request) => this.sign(request),
      allowedMetaFields: false,
      limit: FILES_AT_ONCE,
    });
    this.uppy.addPreProcessor(async (ids) => {
      await Promise.all(ids.map((id) => this.reserve(id)));
    });
    this.uppy.on("file-added", (file) => {
      const reservation = crypto.randomUUID();
      this.uppy.setFileMeta(file.id, { messageId: this.messageId, reservation });
    });
    this.uppy.on("upload-success", (file) => file && this.succeeded(file));
    this.uppy.on("upload-error", (file, error) => file && this.wentWrong(file, error));
    this.uppy.on("file-removed", (file) => this.removed(file));
    this.uppy.on("upload-retry", (file) => this.forget(file.id));
    this.uppy.on("retry-all", (files) => {
      for (const file of files) this.forget(file.id);
    });
    addEventListener("offline", this.wentOffline, { signal: this.closing.signal });
    addEventListener("online", this.cameBack, { signal: this.closing.signal });
  }

  /** Show Uppy's own dashboard in an element; the answer takes it out, uploads go on. */
  show(target: HTMLElement): () => void {
    this.uppy.use(Dashboard, {
      target,
      inline: true,
      theme: "auto",
      width: "100%",
      height: 330,
      proudlyDisplayPoweredByUppy: false,
      singleFileFullScreen: false,
      locale: { strings: { dropPasteFiles: "Drop files here or %{browseFiles}" } },
    });
    return () => {
      const dashboard = this.uppy.getPlugin("Dashboard");
      if (dashboard) this.uppy.removePlugin(dashboard);
    };
  }

  close(): void {
    this.closing.abort();
    clearTimeout(this.retrying);
    this.uppy.destroy();
  }

  /** Ask for a pending attachment, once for each file. A refusal is the file's error. */
  private async reserve(id: string): Promise<void> {
    const file = this.uppy.getFile(id);
    if (!file || file.meta.attachmentId) return;
    try {
      const ticket = await this.client.reserve(
        {
          message_id: file.meta.messageId ?? "",
          file_name: file.name ?? "file",
          file_size: file.size ?? 0,
          mime_type: file.type || "application/octet-stream",
        },
        file.meta.reservation ?? id,
      );
      const upload = ticket.upload;
      if (!upload) throw new Error("This file was sent before.");
      this.tickets.set(upload.key, ticket);
      if (upload.part_size) this.partSizes.set(ticket.file_size, upload.part_size);
      this.uppy.setFileMeta(id, {
        attachmentId: ticket.id,
        key: upload.key,
        partSize: upload.part_size,
      });
      this.newsroom.tell({ kind: "added", attachment: ticket });
    } catch (error) {
      this.uppy.emit("upload-error", file, asError(error));
    }
  }

  /** The presigned request of one S3 operation; the first PUT came with the reservation. */
  private async sign(request: SignRequest): Promise<SignedRequest> {
    const ticket = this.tickets.get(request.key);
    if (!ticket) throw new Error("This upload was not reserved.");
    const { upload } = ticket;
    const isWhole = request.method === "PUT" && !request.uploadId;
    if (isWhole && upload && Date.parse(upload.expires_at) - MARGIN_MS > Date.now()) {
      return { url: upload.url, headers: upload.headers };
    }
    return this.client.sign(ticket.id, request);
  }

  private async succeeded(file: File): Promise<void> {
    this.forget(file.id);
    const id = file.meta.attachmentId;
    if (!id) return;
    try {
      const attachment = await follow(this.client, id, this.closing.signal);
      this.newsroom.tell({ kind: "changed", attachment });
    } catch {
      // The page is closing, or the attachment is gone: its card says so when it is asked for.
    }
  }

  private async wentWrong(file: File, error: unknown): Promise<void> {
    if (await this.arrivedBefore(file, error)) return;
    if (wasCut(error)) {
      this.cut.add(file.id);
      clearTimeout(this.retrying);
      this.retrying = setTimeout(this.retryCut, RETRY_MS);
    }
    const reason = wasCut(error) ? LOST : said(error);
    this.fail([file], reason);
  }

  /** Uppy sends nothing while the browser is offline, and does not say so. */
  private readonly wentOffline = (): void => {
    this.fail(this.uppy.getFiles().filter(isUnderWay), LOST);
  };

  private readonly cameBack = (): void => {
    for (const { id, reason } of [...this.failed.values()]) {
      if (reason === LOST && !this.cut.has(id)) this.forget(id);
    }
    this.retryCut();
  };

  private fail(files: readonly File[], reason: string): void {
    for (const { id, name } of files) this.failed.set(id, { id, file: name ?? "A file", reason });
    if (files.length) this.onFailures(new Map(this.failed));
  }

  /**
   * Whether S3 refused what is there already: 412 for a second PUT, 404 for the completion of a
   * multipart upload that was completed. We refuse (409) to sign for what is inspected already. Then
   * an answer was lost, and the record knows.
   */
  private async arrivedBefore(file: File, error: unknown): Promise<boolean> {
    const status = statusOf(error);
    const id = file.meta.attachmentId;
    if (!id || !status || ![404, 409, 412].includes(status)) return false;
    // Undefined: it cannot be told now. Null: the record is no more.
    const attachment = await this.client
      .attachment(id)
      .catch((problem) => (statusOf(problem) === 404 ? null : undefined));
    const gone = attachment === null || attachment?.status === "expired";
    if (attachment && !gone && (status === 412 || attachment.status !== "pending")) {
      this.uppy.setFileState(file.id, { error: null });
      this.uppy.emit("upload-success", file, { status: 200, body: {} });
      return true;
    }
    this.beginAnew(file.id, gone ? unreserved() : {});
    return false;
  }

  /** Forget the multipart upload that is no more: a retry begins another. */
  private beginAnew(id: string, changes: Partial<Details>): void {
    const { files } = this.uppy.getState();
    const file = files[id];
    if (!file) return;
    const { s3Multipart: _, ...rest } = file as File & { s3Multipart?: unknown };
    const meta = { ...file.meta, ...changes };
    this.uppy.setState({ files: { ...files, [id]: { ...rest, meta } as File } });
  }

  /** Go on with what the network cut, now that it may be back. */
  private readonly retryCut = (): void => {
    if (!navigator.onLine) return;
    for (const id of [...this.cut]) {
      if (this.uppy.getFile(id)) this.uppy.retryUpload(id).catch(() => {});
    }
  };

  /** A file that somebody took back: its attachment is not to stay pending. */
  private async removed(file: File): Promise<void> {
    this.forget(file.id);
    const { attachmentId, key } = file.meta;
    if (!attachmentId || file.progress.uploadComplete) return;
    const uploadId = "s3Multipart" in file ? file.s3Multipart?.uploadId : undefined;
    if (uploadId && key) await this.abort(attachmentId, key, uploadId).catch(() => {});
    await this.client.delete(attachmentId).catch(() => {}); // else it expires by itself
    this.newsroom.tell({ kind: "removed", id: attachmentId });
  }

  /** Uppy aborts as well, but its request for a signature may come after the record is gone. */
  private async abort(id: string, key: string, uploadId: string): Promise<void> {
    const signed = await this.client.sign(id, { method: "DELETE", key, uploadId });
    await fetch(signed.url, { method: "DELETE", headers: signed.headers ?? {} });
  }

  private forget(id: string): void {
    this.cut.delete(id);
    if (this.failed.delete(id)) this.onFailures(new Map(this.failed));
  }
}

/** What makes a file reserve another attachment. */
function unreserved(): Partial<Details> {
  return {
    reservation: crypto.randomUUID(),
    attachmentId: undefined,
    key: undefined,
    partSize: undefined,
  };
}

function partSize(file: File): number | null {
  return file.meta.partSize ?? null;
}

function isUnderWay({ progress, error }: File): boolean {
  return !!progress.uploadStarted && !progress.uploadComplete && !error;
}

function wasCut(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "NETWORK" || error instanceof UnreachableError;
}

function statusOf(error: unknown): number | null {
  const status = error instanceof Error && "status" in error ? error.status : null;
  return typeof status === "number" ? status : null;
}

function said(error: unknown): string {
  if (error instanceof Problem) return error.message;
  if (statusOf(error) === 403)
    return "The storage refused the file: it is not what was announced, or late.";
  return sentenceOf(error);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
