import { useEffect, useRef } from "preact/hooks";
import type { Feed } from "../feed";
import { Failed, Loading } from "./states";

const AHEAD = "1200px";

/** The end of a list: asks for more as soon as it comes near, and says how it stands. */
export function EndOfList<Item>(props: { feed: Feed<Item>; what: string; more: () => void }) {
  const { feed, what, more } = props;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (feed.state !== "more" || !end.current) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) more();
      },
      { rootMargin: AHEAD },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [feed, more]); // anew after each page: a short one may leave the end in sight
  return (
    <div ref={end} class="end">
      {feed.state === "loading" && <Loading what={what} />}
      {feed.state === "failed" && <Failed error={feed.error} onRetry={more} />}
    </div>
  );
}
