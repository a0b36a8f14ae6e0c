/** Where in the dashboard somebody is, as the part of the address behind `#`. */

import { FILE_TYPES, type FileType } from "./api/records";

export type Place = (
  | { view: "home" }
  | { view: "conversation"; id: string; type: FileType | null }
  | { view: "message"; id: string }
  | { view: "everything"; type: FileType | null; from: string; to: string }
  | { view: "activity"; user: string; attachment: string; from: string; to: string }
  | { view: "usage"; from: string; to: string }
) & {
  /** The attachment whose details lie open above the view. */
  open: string | null;
};

/** The place of an address; what makes no sense is home. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?");
  const asked = new URLSearchParams(query);
  const open = asked.get("open");
  const type = FILE_TYPES.find((known) => known === asked.get("type")) ?? null;
  const days = { from: asked.get("from") ?? "", to: asked.get("to") ?? "" };
  const [, view, encoded = ""] = path.split("/");
  const id = decoded(encoded);
  if (view === "conversations" && id) return { view: "conversation", id, type, open };
  if (view === "messages" && id) return { view: "message", id, open };
  if (view === "everything") return { view: "everything", type, ...days, open };
  if (view === "activity") {
    const about = { user: asked.get("user") ?? "", attachment: asked.get("attachment") ?? "" };
    return { view: "activity", ...about, ...days, open };
  }
  if (view === "usage") return { view: "usage", ...days, open };
  return { view: "home", open };
}

/** The address of a place. */
export function hashOf(place: Place): string {
  const { open } = place;
  switch (place.view) {
    case "home":
      return address("/open", { open });
    case "conversation":
      return address(`/conversations/${encodeURIComponent(place.id)}`, { type: place.type, open });
    case "message":
      return address(`/messages/${encodeURIComponent(place.id)}`, { open });
    case "everything":
      return address("/everything", { type: place.type, from: place.from, to: place.to, open });
    case "activity": {
      const { user, attachment, from, to } = place;
      return address("/activity", { user, attachment, from, to, open });
    }
    case "usage":
      return address("/usage", { from: place.from, to: place.to, open });
  }
}

function address(path: string, asked: Record<string, string | null>): string {
  const given = Object.entries(asked).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const query = new URLSearchParams(given).toString();
  return `#${path}${query && `?${query}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
