import { describe, expect, it } from "vitest";
import { withoutGaps } from "./parts/uploads-by-day";

const day = (name: string) => ({ day: name, files: 1, bytes: 5, by_type: {} });

describe("days of uploads", () => {
  it("have a place also where nothing was uploaded", () => {
    const all = withoutGaps([day("2026-02-27"), day("2026-03-01")], "2026-02-26", "2026-03-02");
    expect(all.map((each) => [each.day, each.files])).toEqual([
      ["2026-02-26", 0],
      ["2026-02-27", 1],
      ["2026-02-28", 0],
      ["2026-03-01", 1],
      ["2026-03-02", 0],
    ]);
  });

  it("can be one", () => {
    expect(withoutGaps([day("2026-02-27")], "2026-02-27", "2026-02-27")).toHaveLength(1);
  });
});
