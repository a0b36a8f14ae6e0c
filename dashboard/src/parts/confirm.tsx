import { useState } from "preact/hooks";
import { sentenceOf } from "../api/problem";
import { Dialog } from "./dialog";

/** Asks before something that cannot be taken back; what goes wrong is said here. */
export function Confirm(props: {
  question: string;
  consequence: string;
  action: string;
  onConfirmed: () => Promise<void>;
  onClose: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await props.onConfirmed();
    } catch (thrown) {
      setError(sentenceOf(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog class="confirm" role="alertdialog" label={props.question} onClose={props.onClose}>
      <h2>{props.question}</h2>
      <p>{props.consequence}</p>
      {error && <p role="alert">{error}</p>}
      <div class="actions">
        <button type="button" class="button" onClick={props.onClose}>
          Keep it
        </button>
        <button type="button" class="button danger solid" disabled={busy} onClick={confirm}>
          {props.action}
        </button>
      </div>
    </Dialog>
  );
}
