import { describe, expect, it } from "vitest";
import { hashOf, type Place, placeOf } from "./places";

const PLACES: Place[] = [
  { view: "home", open: null },
  { view: "conversation", id: "a/b?c", type: "video", open: "one" },
  { view: "message", id: "m", open: null },
  { view: "everything", type: null, from: "2026-11-01", to: "", open: null },
  { view: "activity", user: "zoë & co", attachment: "", from: "", to: "2026-11-02", open: null },
  { view: "usage", from: "2026-11-01", to: "", open: null },
];

describe("a place", () => {
  it.each(PLACES)("comes back from its address: $view", (place) => {
    expect(placeOf(hashOf(place))).toEqual(place);
  });

  it.each(["", "#", "#/", "#/nowhere", "#/conversations/", "#/conversations/%E0%A4%A"])(
    "that makes no sense is home: %s",
    (hash) => {
      expect(placeOf(hash).view).toBe("home");
    },
  );

  it("takes no type that there is not", () => {
    expect(placeOf("#/everything?type=script")).toMatchObject({ type: null });
  });
});
