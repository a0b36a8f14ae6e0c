import { useEffect, useId, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../api/problem";
import { useSigned } from "../app";
import { Icon } from "../parts/icon";
import { Loading } from "../parts/states";
import type { Failure } from "./uploads";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Where files are dropped, and how far they are. Closing it stops nothing. */
export function UploadPanel(props: { suggested: string; onClose: () => void }) {
  const [message, setMessage] = useState(props.suggested);
  useEffect(() => setMessage((typed) => typed || props.suggested), [props.suggested]);
  const field = useId();
  const known = UUID.test(message.trim());
  return (
    <section class="panel" aria-labelledby="sending">
      <div class="bar">
        <h2 id="sending">Send files</h2>
        <button type="button" class="quiet" onClick={props.onClose}>
          <Icon name="close" />
          <span class="unseen">Close</span>
        </button>
      </div>
      <label for={field}>With message</label>
      <input
        id={field}
        class="wide"
        value={message}
        placeholder="The id of a message that you sent"
        spellcheck={false}
        onInput={(event) => setMessage(event.currentTarget.value)}
      />
      {known ? (
        <UppyPlace message={message.trim()} />
      ) : (
        <p class="hint">Files belong to a message: say which one, by its id.</p>
      )}
      <Failures />
    </section>
  );
}

function UppyPlace({ message }: { message: string }) {
  const { uploads } = useSigned();
  const place = useRef<HTMLDivElement>(null);
  const [error, setError] = useState<unknown>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    let gone = false;
    let hide: (() => void) | undefined;
    const show = async () => {
      if (!place.current) return;
      try {
        const taken = await uploads.show(place.current, message);
        if (gone) taken();
        else hide = taken;
        setShown(true);
      } catch (thrown) {
        setError(thrown);
      }
    };
    show();
    return () => {
      gone = true;
      hide?.();
    };
  }, [uploads, message]);
  return (
    <>
      {error !== null && <p role="alert">{sentenceOf(error)}</p>}
      {!shown && error === null && <Loading what="the uploader" />}
      <div ref={place} class="uppy-place" />
    </>
  );
}

function Failures() {
  const { uploads } = useSigned();
  const [failures, setFailures] = useState<readonly Failure[]>(uploads.failures);
  useEffect(() => uploads.hear(() => setFailures(uploads.failures)), [uploads]);
  return (
    <ul class="failures" role="alert">
      {failures.map((failure) => (
        <li key={failure.id}>
          <Icon name="alert" />
          <span>
            <strong dir="auto">{failure.file}</strong> {failure.reason}
          </span>
        </li>
      ))}
    </ul>
  );
}
