/** ThumbHashes as pictures: what a thumbnail will look like, from some 25 bytes. */

import { thumbHashToDataURL } from "thumbhash";

const MIN_BYTES = 5;
const drawn = new Map<string, string | null>();

/** A `data:` URL of the picture, null for what is no ThumbHash. Each is drawn once. */
export function placeholderUrl(base64: string): string | null {
  const known = drawn.get(base64);
  if (known !== undefined) return known;
  const url = draw(base64);
  drawn.set(base64, url);
  return url;
}

function draw(base64: string): string | null {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return bytes.length < MIN_BYTES ? null : thumbHashToDataURL(bytes);
  } catch {
    return null;
  }
}
