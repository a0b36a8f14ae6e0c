/** Work that waits until its place is nearly on screen, and then takes turns with the frames. */

const AHEAD = "600px";
const BUDGET_MS = 5;

const waiting = new WeakMap<Element, () => void>();
const due: (() => void)[] = [];
let observer: IntersectionObserver | undefined;

/** Calls `work` once, when `place` comes near; the function that takes it back. */
export function whenNear(place: Element, work: () => void): () => void {
  observer ??= new IntersectionObserver(notice, { rootMargin: AHEAD });
  waiting.set(place, work);
  observer.observe(place);
  return () => forget(place);
}

function forget(place: Element): void {
  waiting.delete(place);
  observer?.unobserve(place);
}

function notice(entries: IntersectionObserverEntry[]): void {
  const idle = due.length === 0;
  for (const { isIntersecting, target } of entries) {
    const work = waiting.get(target);
    if (!isIntersecting || !work) continue;
    forget(target);
    due.push(work);
  }
  if (idle && due.length > 0) requestAnimationFrame(takeTurn);
}

function takeTurn(): void {
  const end = performance.now() + BUDGET_MS;
  do due.shift()?.();
  while (due.length > 0 && performance.now() < end);
  if (due.length > 0) requestAnimationFrame(takeTurn);
}
