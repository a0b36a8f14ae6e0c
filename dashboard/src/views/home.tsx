import { useId, useState } from "preact/hooks";
import { go, useSigned } from "../app";
import { Icon } from "../parts/icon";
import { hashOf, type Place } from "../places";

/** Opens a conversation or a message by its id: the chat knows which there are, we do not. */
export function Home() {
  const { demo } = useSigned();
  return (
    <section class="home" aria-labelledby="title">
      <h1 id="title">Open a conversation or a message</h1>
      <p class="faint">
        Your chat knows the ids; a link from there leads straight to the conversation.
      </p>
      <div class="pair">
        <OpenById
          label="Conversation id"
          action="Open conversation"
          suggested={demo?.conversation_id ?? ""}
          placeOf={(id) => ({ view: "conversation", id, type: null, open: null })}
        />
        <OpenById
          label="Message id"
          action="Open message"
          suggested={demo?.message_id ?? ""}
          placeOf={(id) => ({ view: "message", id, open: null })}
        />
      </div>
      {demo && (
        <p class="hint">
          The demo has{" "}
          <a
            href={hashOf({
              view: "conversation",
              id: demo.conversation_id,
              type: null,
              open: null,
            })}
          >
            one conversation
          </a>
          , of its sender and its participant.
        </p>
      )}
    </section>
  );
}

function OpenById(props: {
  label: string;
  action: string;
  suggested: string;
  placeOf: (id: string) => Place;
}) {
  const field = useId();
  const [id, setId] = useState(props.suggested);
  const submit = (event: Event) => {
    event.preventDefault();
    if (id.trim()) go(props.placeOf(id.trim()));
  };
  return (
    <form class="box" onSubmit={submit}>
      <label for={field}>{props.label}</label>
      <input
        id={field}
        class="wide"
        value={id}
        required
        spellcheck={false}
        autoComplete="off"
        onInput={(event) => setId(event.currentTarget.value)}
      />
      <button type="submit" class="button primary">
        <Icon name="chat" /> {props.action}
      </button>
    </form>
  );
}
