/** What stands where a list or a record would, while there is none. */

import type { ComponentChildren } from "preact";
import { Problem, sentenceOf } from "../api/problem";
import { Icon, type IconName } from "./icon";

export function Empty(props: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <Icon name={props.icon} />
      <h2>{props.title}</h2>
      {props.children && <p>{props.children}</p>}
    </div>
  );
}

export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const isProblem = error instanceof Problem;
  const title = isProblem ? error.title : "This did not load";
  const detail = isProblem ? error.detail : sentenceOf(error);
  return (
    <div class="state" role="alert">
      <Icon name="alert" />
      <h2>{title}</h2>
      {detail && <p>{detail}</p>}
      {isProblem && error.status >= 500 && error.requestId && (
        <p class="faint">Request {error.requestId}</p>
      )}
      <button type="button" class="button" onClick={onRetry}>
        <Icon name="reload" /> Try again
      </button>
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" /> Loading {what}…
    </p>
  );
}
