import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/**
 * A modal of the browser's own: it keeps the focus inside, gives it back at the end (to the content
 * where what had it is gone), and closes by Escape or a click beside it.
 */
export function Dialog(props: {
  label: string;
  class?: string;
  role?: "alertdialog";
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      shown?.close();
      queueMicrotask(() => giveBack(before)); // once dialogs within are closed too: they bar the rest
    };
  }, []);
  const close = (event: Event) => {
    event.preventDefault();
    props.onClose();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it
    <dialog
      ref={dialog}
      class={props.class}
      role={props.role}
      aria-label={props.label}
      onCancel={close}
      onClick={(event) => event.target === event.currentTarget && props.onClose()}
    >
      {props.children}
    </dialog>
  );
}

function giveBack(before: Element | null): void {
  if (before instanceof HTMLElement && before !== document.body && before.isConnected) {
    before.focus();
  } else if (document.activeElement === document.body) {
    document.getElementById("content")?.focus();
  }
}
