/** A list that loads page after page. */

import { useCallback, useEffect, useReducer, useRef } from "preact/hooks";
import type { Page } from "./api/records";

export interface Feed<Item> {
  items: readonly Item[];
  state: "loading" | "more" | "complete" | "failed";
  error: unknown;
}

type Step<Item> =
  | { kind: "restart" | "load" }
  | { kind: "page"; page: Page<Item> }
  | { kind: "failure"; error: unknown }
  | { kind: "update"; update: (items: readonly Item[]) => readonly Item[] };

const EMPTY = { items: [], state: "loading", error: null } as const;

export function stepped<Item extends { id: string }>(
  feed: Feed<Item>,
  step: Step<Item>,
): Feed<Item> {
  switch (step.kind) {
    case "restart":
      return EMPTY;
    case "load":
      return { ...feed, state: "loading", error: null };
    case "page": {
      const known = new Set(feed.items.map((item) => item.id));
      const fresh = step.page.items.filter((item) => !known.has(item.id));
      const state = step.page.next_cursor ? "more" : "complete";
      return { items: [...feed.items, ...fresh], state, error: null };
    }
    case "failure":
      return { ...feed, state: "failed", error: step.error };
    case "update":
      return { ...feed, items: step.update(feed.items) };
  }
}

/**
 * A feed of what `load` answers; it starts anew whenever `load` is another function. `more` loads
 * the next page, or the one that failed again; called twice at once it loads once.
 */
export function useFeed<Item extends { id: string }>(
  load: (cursor: string | null, signal: AbortSignal) => Promise<Page<Item>>,
) {
  const [feed, take] = useReducer(stepped<Item>, EMPTY as Feed<Item>);
  const request = useRef<{ cursor: string | null; busy: boolean; abort: AbortController }>({
    cursor: null,
    busy: false,
    abort: new AbortController(),
  });

  const more = useCallback(async () => {
    const current = request.current;
    if (current.busy) return;
    current.busy = true;
    take({ kind: "load" });
    try {
      const page = await load(current.cursor, current.abort.signal);
      if (current !== request.current) return;
      current.cursor = page.next_cursor;
      take({ kind: "page", page });
    } catch (error) {
      if (current === request.current) take({ kind: "failure", error });
    } finally {
      current.busy = false;
    }
  }, [load]);

  useEffect(() => {
    const current = { cursor: null, busy: false, abort: new AbortController() };
    request.current = current;
    take({ kind: "restart" });
    more();
    return () => current.abort.abort();
  }, [more]);

  const update = useCallback(
    (change: (items: readonly Item[]) => readonly Item[]) =>
      take({ kind: "update", update: change }),
    [],
  );
  return { feed, more, update };
}
