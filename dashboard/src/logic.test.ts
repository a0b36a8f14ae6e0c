import { describe, expect, it } from "vitest";
import { follow } from "./api/follow";
import { Problem, problemOf } from "./api/problem";
import type { Attachment } from "./api/records";
import { apiAddress } from "./config";
import { type Feed, stepped } from "./feed";
import { fileSize, words } from "./format";
import { withNews } from "./news";
import { claimsOf } from "./session";

const attachment = (id: string, status = "ready") => ({ id, status }) as Attachment;

describe("a file size", () => {
  it.each([
    [0, "0 bytes"],
    [1023, "1023 bytes"],
    [1024, "1.0 KB"],
    [3_445_747, "3.3 MB"],
    [104_857_600, "100 MB"],
    [1_073_741_823, "1.0 GB"],
  ])("of %d bytes reads %s", (bytes, text) => {
    expect(fileSize(bytes)).toBe(text);
  });
});

it("names of actions read as words", () => {
  expect(words("file_uploaded")).toBe("File uploaded");
});

describe("a list after news", () => {
  const items = [attachment("b"), attachment("a")];

  it("takes a new attachment that belongs to it, first", () => {
    const news = { kind: "added", attachment: attachment("c") } as const;
    expect(withNews(news, items, () => true).map((item) => item.id)).toEqual(["c", "b", "a"]);
    expect(withNews(news, items, () => false)).toBe(items);
  });

  it("shows a change in its place and takes in nothing by it", () => {
    const changed = attachment("a", "rejected");
    const list = withNews({ kind: "changed", attachment: changed }, items, () => true);
    expect(list.map((item) => item.status)).toEqual(["ready", "rejected"]);
    const other = { kind: "changed", attachment: attachment("z") } as const;
    expect(withNews(other, items, () => true)).toBe(items);
  });

  it("forgets what was removed", () => {
    expect(withNews({ kind: "removed", id: "b" }, items, () => true)).toEqual([attachment("a")]);
  });
});

describe("a feed", () => {
  const empty: Feed<{ id: string }> = { items: [], state: "loading", error: null };

  it("grows page by page, shows nothing twice and knows its end", () => {
    const page = { items: [{ id: "a" }, { id: "b" }], next_cursor: "next" };
    const first = stepped(empty, { kind: "page", page });
    expect(first.state).toBe("more");
    const last = { items: [{ id: "b" }, { id: "c" }], next_cursor: null };
    const whole = stepped(first, { kind: "page", page: last });
    expect(whole.items.map((item) => item.id)).toEqual(["a", "b", "c"]);
    expect(whole.state).toBe("complete");
  });

  it("keeps what it has when a page fails", () => {
    const page = { items: [{ id: "a" }], next_cursor: "next" };
    const failed = stepped(stepped(empty, { kind: "page", page }), { kind: "failure", error: 1 });
    expect(failed).toEqual({ items: [{ id: "a" }], state: "failed", error: 1 });
  });
});

describe("following a pending attachment", () => {
  it("asks until it is pending no more", async () => {
    const answers = [attachment("a", "pending"), attachment("a", "ready")];
    const client = { awaited: async () => answers.shift() as Attachment };
    const { status } = await follow(client, "a", new AbortController().signal);
    expect(status).toBe("ready");
  });

  it("goes on after the server failed, and ends at a refusal", async () => {
    const answers = [new Problem(503, "Busy", "", null), new Problem(404, "Not found", "", null)];
    const client = {
      awaited: async (): Promise<Attachment> => {
        throw answers.shift();
      },
    };
    const following = follow(client, "a", new AbortController().signal);
    await expect(following).rejects.toMatchObject({ status: 404 });
    expect(answers).toEqual([]);
  });

  it("ends when it is aborted", async () => {
    const aborting = new AbortController();
    const client = {
      awaited: async () => {
        aborting.abort();
        return attachment("a", "pending");
      },
    };
    await expect(follow(client, "a", aborting.signal)).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("a refusal", () => {
  it("says what the problem document says", async () => {
    const body = {
      title: "Too large",
      detail: "x",
      errors: [{ field: "f", detail: "At most 1." }],
    };
    const problem = await problemOf(Response.json(body, { status: 413 }));
    expect(problem.message).toBe("Too large: At most 1.");
  });

  it("is readable where there is no problem document", async () => {
    const gateway = Response.json({ message: "Too Many Requests" }, { status: 429 });
    expect((await problemOf(gateway)).message).toBe("Too Many Requests");
    const proxy = new Response("<html>", { status: 502 });
    expect((await problemOf(proxy)).message).toBe("The server answered 502");
  });
});

describe("an address of the API", () => {
  it.each([
    ["https://api.example/", "https://api.example"],
    [" http://127.0.0.1:8000 ", "http://127.0.0.1:8000"],
    ["", ""],
    ["javascript:alert(1)", null],
    ["api.example", null],
    ["https://user@api.example", null],
  ])("typed as %s is %s", (typed, address) => {
    expect(apiAddress(typed)).toBe(address);
  });
});

describe("a token", () => {
  it("tells its user, also in other alphabets", () => {
    const payload = btoa(String.fromCharCode(...new TextEncoder().encode('{"sub":"Zoë"}')));
    expect(claimsOf(`e30.${payload}.sig`)).toEqual({ sub: "Zoë" });
  });

  it.each(["", "abc", "a.b.c", "a.!!.c"])("that is none has no claims: %s", (text) => {
    expect(claimsOf(text)).toBeNull();
  });
});
