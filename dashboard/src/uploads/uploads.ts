/** The uploads of a session. Uppy itself is loaded when somebody first wants to send something. */

import type { Client } from "../api/client";
import type { Newsroom } from "../news";
import type { Engine } from "./engine";

/** A file that did not go through, and why. */
export interface Failure {
  /** Uppy's, of the file. */
  id: string;
  file: string;
  reason: string;
}

export class Uploads {
  private engine: Promise<Engine> | null = null;
  private failed: ReadonlyMap<string, Failure> = new Map();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly client: Client,
    private readonly newsroom: Newsroom,
  ) {}

  /** Show Uppy in an element for files of a message; the answer takes it out again. */
  async show(target: HTMLElement, messageId: string): Promise<() => void> {
    this.engine ??= this.load();
    const engine = await this.engine;
    engine.messageId = messageId;
    return engine.show(target);
  }

  get failures(): readonly Failure[] {
    return [...this.failed.values()];
  }

  /** Be called whenever the failures change; the answer stops that. */
  hear(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Stop everything; what was sent stays where it is. */
  close(): void {
    this.engine?.then((engine) => engine.close()).catch(() => {});
    this.engine = null;
  }

  private async load(): Promise<Engine> {
    try {
      const { Engine } = await import("./engine");
      return new Engine(this.client, this.newsroom, (failed) => {
        this.failed = failed;
        for (const listener of this.listeners) listener();
      });
    } catch (error) {
      this.engine = null; // offline, perhaps: the next attempt loads again
      throw error;
    }
  }
}
