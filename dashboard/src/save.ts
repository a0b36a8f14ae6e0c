/** Saving a file under its name: a link to another origin would open media in place. */

/**
 * Fetch a presigned URL and hand the bytes to the browser as a file. `onProgress` gets the share
 * that has arrived, from 0 to 1. Throws when the storage refuses, or the connection is lost.
 */
export async function save(
  url: string,
  fileName: string,
  bytes: number,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  // Not through the cache: a player holds its entry of the same URL as long as it is paused or full.
  const response = await fetch(url, { cache: "no-store", credentials: "omit", signal });
  if (!response.ok || !response.body) throw new Error(`The storage answered ${response.status}.`);
  const counted = response.body.pipeThrough(counter(bytes, onProgress));
  const content = await new Response(counted).blob();
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser has begun to write by then
}

function counter(bytes: number, onProgress: (share: number) => void) {
  let arrived = 0;
  return new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      arrived += chunk.byteLength;
      onProgress(bytes ? Math.min(1, arrived / bytes) : 1);
      controller.enqueue(chunk);
    },
  });
}
