import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/**
 * A modal of the browser's own: it keeps the focus inside, gives it back at the end, and closes by
 * Escape or a click beside it.
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
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
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
